"""What leaves a project comes back, and no archive of a stranger does harm."""

from __future__ import annotations

import csv
import json
import struct
import tracemalloc
from collections.abc import Callable
from io import BytesIO, StringIO
from pathlib import Path
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZipFile, ZipInfo

import numpy as np
import pytest
from sqlalchemy import func, select

from alframe.data.formats.coco import read_coco
from alframe.errors import Conflict, InvalidInput, NotFound
from alframe.labelling import Project, Projects, ProjectSettings
from alframe.labelling.exchange.archives import opened_archive
from alframe.labelling.exchange.exporting import COLUMNS, export
from alframe.labelling.exchange.importing import TOLD, import_zip
from alframe.labelling.images import ImageStore, StoredImage
from alframe.labelling.items import Items, NewItem
from alframe.labelling.settings import Rules
from alframe.labelling.settling.reviewing import Reviews
from alframe.labelling.settling.settlements import append, current, history
from alframe.storage.service import ServiceDatabase
from alframe.storage.service.tables import AuditRow, ItemRow, SettlementRow
from alframe.types import Label, Object, Objects, Polygons


@pytest.fixture
def images(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path / "images")


@pytest.fixture
def project(database: ServiceDatabase) -> Project:
    return Projects(database).create("pets", "classification", ["cat", "dog"], by="root")


def picture(images: ImageStore, value: int) -> tuple[StoredImage, bytes]:
    """An image of one grey, and its file."""
    stored = images.put_array(np.full((8, 9, 1), value, dtype=np.uint8))
    return stored, images.path(stored.sha256).read_bytes()


def png(value: int, tmp_path: Path) -> bytes:
    return picture(ImageStore(tmp_path / "elsewhere"), value)[1]


def packed(files: dict[str, bytes | str], compression: int = ZIP_DEFLATED) -> BytesIO:
    file = BytesIO()
    with ZipFile(file, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(ZipInfo(name), content, compression)
    return file


def labels(database: ServiceDatabase, project: Project) -> dict[str, Label | None]:
    return {name: each.label for name, each in current(database, project.id).items()}


def labelled(database: ServiceDatabase, images: ImageStore, project: Project, said: dict[str, Label]) -> dict[str, int]:
    """Items with a label of a reviewer each."""
    new = [NewItem(name, picture(images, value)[0], group="g") for value, name in enumerate(said)]
    ids = Items(database).add(project.id, new, by="root")
    with database.write() as session:
        for name, label in said.items():
            append(session, project, ids[name], key=name, label=label, source="review", settled_by="rob", agreement=0.5)
    return ids


def exported(database: ServiceDatabase, images: ImageStore | None, project: Project, **how: str) -> BytesIO:
    file = BytesIO()
    export(database, images, project.id, file, by="ann", **how)  # type: ignore[arg-type]  # a format
    return file


def table(file: BytesIO) -> list[dict[str, str]]:
    with ZipFile(file) as archive:
        return list(csv.DictReader(StringIO(archive.read("labels.csv").decode())))


def test_an_export_says_where_each_label_comes_from(
    database: ServiceDatabase, images: ImageStore, project: Project
) -> None:
    ids = labelled(database, images, project, {"b10": 1, "b9": 0})
    with database.write() as session:
        append(session, project, ids["b9"], key="again", label=None, reason="dark", source="review", settled_by="eve")
    first, second = table(exported(database, None, project))
    assert tuple(first) == COLUMNS
    assert (first["sample"], first["label"], first["version"], first["reason"]) == ("b9", "", "2", "dark")
    assert (second["sample"], second["label"], second["version"]) == ("b10", "dog", "1")
    assert (second["source"], second["settled_by"], second["agreement"], second["group"]) == (
        "review",
        "rob",
        "0.5",
        "g",
    )
    assert second["image"] == ""


def test_what_is_held_is_never_exported(database: ServiceDatabase, images: ImageStore, project: Project) -> None:
    labelled(database, images, project, {"a": 0, "b": 1})
    Items(database).hold(project.id, ["a"], "no consent", by="root")
    file = exported(database, images, project)
    assert [line["sample"] for line in table(file)] == ["b"]
    with ZipFile(file) as archive:
        assert len(archive.namelist()) == 2


def test_the_same_labels_make_the_same_bytes(database: ServiceDatabase, images: ImageStore, project: Project) -> None:
    labelled(database, images, project, dict.fromkeys("cab", 0))
    assert exported(database, images, project).getvalue() == exported(database, images, project).getvalue()


def test_an_export_comes_back(database: ServiceDatabase, images: ImageStore, project: Project, tmp_path: Path) -> None:
    """Images, names, groups and labels, into another service's folder; a second time nothing changes."""
    labelled(database, images, project, {"../a": 0, "b/c.png": 1, 'd,"e"': 1})
    other = Projects(database).create("copy", "classification", ["dog", "cat"], by="root")
    file, there = exported(database, images, project), ImageStore(tmp_path / "there")
    for _ in range(2):
        found = import_zip(database, there, other.id, file, by="ann")
        assert (found.items, found.labels, found.refused) == (3, 3, ())
    assert labels(database, other) == {"../a": 1, "b/c.png": 0, 'd,"e"': 0}
    held = current(database, other.id)["../a"]
    assert (held.version, held.source, held.settled_by) == (1, "import", "ann")
    with database.read() as session:
        rows = session.scalars(select(ItemRow).where(ItemRow.project_id == other.id)).all()
    assert {row.group for row in rows} == {"g"}
    assert all(there.path(row.image).read_bytes() == images.path(row.image).read_bytes() for row in rows)


def test_objects_come_back(database: ServiceDatabase, images: ImageStore, tmp_path: Path) -> None:
    project = Projects(database).create("cars", "detection", ["car", "van"], by="root")
    masked = Object((1, 1, 5, 4), 0, Polygons(((1.0, 1.0, 5.0, 1.0, 5.0, 4.0),)))
    ring = tuple(float(each) for corner in range(9_000) for each in (1 + corner % 5 / 3, 1 + corner % 7 / 3))
    long = Object((1.0, 1.0, 1 + 4 / 3, 3.0), 1, Polygons((ring,)))  # more characters than Python's CSV reader takes
    said: dict[str, Label] = {"x": Objects((Object((0, 0, 4, 4), 1), masked)), "y": Objects(), "z": Objects((long,))}
    labelled(database, images, project, said)
    other = Projects(database).create("copy", "detection", ["car", "van"], by="root")
    import_zip(database, images, other.id, exported(database, images, project), by="ann")
    assert labels(database, other) == said
    file = exported(database, images, project, format="coco")
    with ZipFile(file) as archive:
        archive.extractall(tmp_path / "coco")
    read = read_coco(tmp_path / "coco/annotations/train.json", tmp_path / "coco")
    assert read.problems == ()
    assert sorted(len(image.objects or ()) for image in read.images) == [0, 1, 2]


def test_coco_has_no_classes_of_images(database: ServiceDatabase, images: ImageStore, project: Project) -> None:
    with pytest.raises(InvalidInput, match="export it as csv"):
        exported(database, images, project, format="coco")
    with pytest.raises(NotFound):
        export(database, images, 99, BytesIO(), by="ann")


def test_images_come_without_labels_too(
    database: ServiceDatabase, images: ImageStore, project: Project, tmp_path: Path
) -> None:
    """Hidden files are passed over, what is no image is named and left out."""
    file = packed(
        {
            "one.png": png(1, tmp_path),
            "sub/two.png": png(2, tmp_path),
            "notes.txt": "hello",
            "broken.png": png(3, tmp_path)[:40],
            "script.svg": "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
            ".DS_Store": "x",
            "__MACOSX/._one.png": "x",
        }
    )
    found = import_zip(database, images, project.id, file, by="ann")
    assert (found.items, found.labels) == (2, 0)
    assert [line.split(":")[0] for line in found.refused] == ["notes.txt", "broken.png", "script.svg"]
    with database.read() as session:
        assert set(session.scalars(select(ItemRow.sample_id))) == {"one.png", "sub/two.png"}


def test_a_label_that_cannot_be_is_left_out_and_named(
    database: ServiceDatabase, images: ImageStore, tmp_path: Path
) -> None:
    settings = ProjectSettings(rules=Rules(allowed_classes=["cat"]))
    project = Projects(database).create("pets", "classification", ["cat", "dog"], settings, by="root")
    lines = "sample,label\na.png,cat\nb.png,cow\nc.png,dog\nnone.png,cat\na.png,dog\nd.png,\n"
    files: dict[str, bytes | str] = {f"{name}.png": png(row, tmp_path) for row, name in enumerate("abcd")}
    found = import_zip(database, images, project.id, packed(files | {"labels.csv": lines}), by="ann")
    assert (found.items, found.labels) == (4, 1)
    assert labels(database, project) == {"a.png": 0}
    said = sorted(found.refused)
    assert [line.partition(":")[0] for line in said] == [f"labels.csv, line {line}" for line in (3, 4, 5, 6)]
    assert "there is no class 'cow'" in said[0]
    assert "'dog' is not among those that may be given" in said[1]


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "null", "{}", '{"objects": [{"box": [0, 0, NaN, 4], "label": 0}]}', "9"]
)
def test_objects_that_cannot_be_are_left_out(
    database: ServiceDatabase, images: ImageStore, tmp_path: Path, text: str
) -> None:
    project = Projects(database).create("cars", "detection", ["car"], by="root")
    out = StringIO()
    csv.writer(out).writerows([["sample", "label"], ["a.png", text]])
    file = packed({"a.png": png(0, tmp_path), "labels.csv": out.getvalue()})
    found = import_zip(database, images, project.id, file, by="ann")
    assert (found.items, found.labels, len(found.refused)) == (1, 0, 1)


def test_labels_change_back_and_forth(
    database: ServiceDatabase, images: ImageStore, project: Project, tmp_path: Path
) -> None:
    """An import may say again what an earlier one said; a reviewer's word is stronger than any."""
    image = png(1, tmp_path)
    files = {name: packed({"a.png": image, "labels.csv": f"sample,label\na.png,{name}\n"}) for name in ("cat", "dog")}
    for name in ("cat", "dog", "cat", "cat"):
        assert import_zip(database, images, project.id, files[name], by="ann").labels == 1
    item = current(database, project.id)["a.png"].item_id
    assert [each.label for each in history(database, item)] == [0, 1, 0]
    with database.write() as session:
        append(session, project, item, key="r", label=0, source="review", settled_by="rob")
    found = import_zip(database, images, project.id, files["dog"], by="ann")
    assert (found.labels, len(found.refused)) == (0, 1)
    assert labels(database, project) == {"a.png": 0}


def test_a_sample_that_is_there_with_another_image_is_a_conflict(
    database: ServiceDatabase, images: ImageStore, project: Project, tmp_path: Path
) -> None:
    import_zip(database, images, project.id, packed({"a.png": png(1, tmp_path)}), by="ann")
    again = packed({"a.png": png(2, tmp_path), "labels.csv": "sample,label\na.png,cat\n"})
    with pytest.raises(Conflict):
        import_zip(database, images, project.id, again, by="ann")
    assert labels(database, project) == {}


def link() -> BytesIO:
    file = BytesIO()
    with ZipFile(file, "w") as archive:
        entry = ZipInfo("link.png")
        entry.external_attr = 0o120777 << 16
        archive.writestr(entry, "/etc/passwd")
    return file


def twice() -> BytesIO:
    file = BytesIO()
    with ZipFile(file, "w") as archive:
        archive.writestr("a.png", b"one")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.png", b"two")
    return file


def changed(at: int, value: bytes, content: bytes = b"x" * 50) -> BytesIO:
    """An archive whose central directory says something else, ``at`` bytes behind its signature."""
    data = bytearray(packed({"a.png": content}).getvalue())
    place = data.index(b"PK\x01\x02") + at
    data[place : place + len(value)] = value
    return BytesIO(data)


def overlapping() -> BytesIO:
    """Fifield 2019, in small: many names for the same packed bytes."""
    whole = packed({"a.png": np.random.default_rng(0).bytes(3000)}).getvalue()
    start, end = whole.index(b"PK\x01\x02"), whole.index(b"PK\x05\x06")
    entries = b"".join(whole[start:end].replace(b"a.png", b"%05d" % number) for number in range(50))
    tail = bytearray(whole[end:])
    tail[8:20] = struct.pack("<HHII", 50, 50, len(entries), start)
    return BytesIO(whole[:start] + entries + tail)


ATTACKS: dict[str, tuple[Callable[[], BytesIO], str]] = {
    "zip slip": (lambda: packed({"../../evil.png": "x"}), "leads out of"),
    "a detour": (lambda: packed({"a/../../evil.png": "x"}), "leads out of"),
    "absolute": (lambda: packed({"/etc/evil.png": "x"}), "leads out of"),
    "Windows' paths": (lambda: packed({"..\\evil.png": "x"}), "leads out of"),
    "a drive": (lambda: packed({"C:evil.png": "x"}), "leads out of"),
    "a control character": (lambda: packed({"a\nb.png": "x"}), "leads out of"),
    "a long name": (lambda: packed({"a" * 2000: "x"}), "leads out of"),
    "a link": (link, "link or a device"),
    "the same name twice": (twice, "twice"),
    "encrypted": (lambda: changed(8, b"\x01"), "encrypted"),
    "packed unusually": (lambda: packed({"a.png": "x"}, ZIP_BZIP2), "another way"),
    "a bomb": (lambda: packed({"a.png": bytes(5_000_000)}), "unpacks to more than"),
    "a large file": (lambda: changed(24, struct.pack("<I", 200 * 2**20)), "are taken"),
    "a lie about the size": (lambda: changed(24, struct.pack("<I", 10)), "cannot be read"),
    "a longer lie": (lambda: changed(24, struct.pack("<I", 60)), "cannot be read|as declared"),
    "a wrong checksum": (lambda: changed(16, b"\0\0\0\0"), "cannot be read"),
    "overlapping files": (overlapping, "overlap"),
    "an archive in it": (lambda: packed({"a.png": packed({"b": "c"}).getvalue()}), "archive in the archive"),
    "gzip in it": (lambda: packed({"a.png": b"\x1f\x8b\x08" + bytes(20)}), "archive in the archive"),
    "tar in it": (lambda: packed({"a.png": bytes(257) + b"ustar"}), "archive in the archive"),
    "no archive": (lambda: BytesIO(b"hello"), "cannot be read"),
    "half an archive": (lambda: BytesIO(packed({"a.png": "x" * 99}).getvalue()[:-30]), "cannot be read"),
}


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_an_archive_that_could_do_harm_is_refused(name: str) -> None:
    make, said = ATTACKS[name]
    with pytest.raises(InvalidInput, match=said), opened_archive(make()):
        pass


def test_nothing_of_a_refused_archive_is_stored(
    database: ServiceDatabase, images: ImageStore, project: Project, tmp_path: Path
) -> None:
    """An image before what is refused is not stored either, in the database or in the folder."""
    image = png(1, tmp_path)
    refused: list[dict[str, bytes | str]] = [
        {"a.png": image, "../b.png": image},
        {"a.png": image, "z.png": packed({"b": "c"}).getvalue()},
        {"a.png": image, "labels.csv": "name\n"},
        {"a.png": image, "labels.csv": b"\xff\xfe\x00"},
    ]
    for files in refused:
        with pytest.raises(InvalidInput):
            import_zip(database, images, project.id, packed(files), by="eve")
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(ItemRow)) == 0
        assert session.scalar(select(func.count()).select_from(SettlementRow)) == 0
    assert not list(images.folder.rglob("*"))


@pytest.mark.parametrize(
    ("limit", "most", "said"),
    [
        ("MAX_DIRECTORY", 10_000, "table of contents"),
        ("MAX_ENTRIES", 999, "1,000 files"),
        ("MAX_TOTAL", 999, "together"),
    ],
)
def test_an_archive_has_limits(monkeypatch: pytest.MonkeyPatch, limit: str, most: int, said: str) -> None:
    """The size of the table of contents counts before it is read, and its entries before they are unpacked."""
    file = packed({f"{number}.png": "x" for number in range(1000)})
    monkeypatch.setattr(f"alframe.labelling.exchange.archives.{limit}", most)
    with pytest.raises(InvalidInput, match=said), opened_archive(file):
        pass


def test_memory_does_not_grow_with_the_archive(tmp_path: Path) -> None:
    """Looking through 60 MB keeps a few MB: files are read one after the other, in pieces."""
    rng = np.random.default_rng(0)
    path = tmp_path / "large.zip"
    with ZipFile(path, "w") as archive:
        for number in range(6):
            archive.writestr(f"{number}.png", b"\x89PNG" + rng.bytes(10_000_000))
    tracemalloc.start()
    with path.open("rb") as file, opened_archive(file) as (_, infos):
        assert len(infos) == 6
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 12_000_000


def test_an_export_is_in_the_audit_trail(database: ServiceDatabase, images: ImageStore, project: Project) -> None:
    labelled(database, images, project, {"a": 0, "b": 1})
    exported(database, images, project)
    exported(database, None, project)
    with database.read() as session:
        wanted = select(AuditRow.actor, AuditRow.detail).where(AuditRow.action == "labels.export")
        entries = session.execute(wanted.order_by(AuditRow.entry)).all()
    assert [(actor, json.loads(detail)) for actor, detail in entries] == [
        ("ann", {"format": "csv", "labels": 2, "images": True}),
        ("ann", {"format": "csv", "labels": 2, "images": False}),
    ]


@pytest.mark.parametrize(("sample", "group"), [("x\x00y", ""), ("a.png\x7f", ""), ("x" * 1_001, ""), ("x", "\x01")])
def test_a_name_that_no_database_takes_is_left_out(
    database: ServiceDatabase, images: ImageStore, project: Project, tmp_path: Path, sample: str, group: str
) -> None:
    table = f"sample,label,image,group\n{sample},cat,a.png,{group}\nb.png,dog,b.png,\n"
    file = packed({"labels.csv": table, "a.png": png(1, tmp_path), "b.png": png(2, tmp_path)})
    found = import_zip(database, images, project.id, file, by="ann")
    assert (found.items, found.labels, len(found.refused)) == (2, 1, 1)
    assert "none that control" in found.refused[0]


def test_a_table_has_limits(
    database: ServiceDatabase, images: ImageStore, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many that are left out some are named; with more lines than are taken nothing is."""
    lines = "sample,label\n" + "".join(f"{number},cat\n" for number in range(TOLD + 7))
    found = import_zip(database, images, project.id, packed({"labels.csv": lines}), by="ann")
    assert found.refused[-1] == "and 7 more"
    assert len(found.refused) == TOLD + 1
    monkeypatch.setattr("alframe.labelling.exchange.importing.MAX_LINES", TOLD)
    with pytest.raises(InvalidInput, match="more than 100 lines"):
        import_zip(database, images, project.id, packed({"labels.csv": lines}), by="ann")


def test_an_import_of_a_safety_critical_class_is_for_a_reviewer(
    database: ServiceDatabase, images: ImageStore, tmp_path: Path
) -> None:
    """Brought again it is there once."""
    settings = ProjectSettings(safety_critical=["dog"])
    project = Projects(database).create("critical", "classification", ["cat", "dog"], settings, by="root")
    file = packed({"labels.csv": "sample,label\na.png,dog\n", "a.png": png(1, tmp_path)})
    for _ in range(2):
        found = import_zip(database, images, project.id, file, by="ann")
        assert found.labels == 0
    assert labels(database, project) == {}
    (waiting,) = Reviews(database).waiting(project.id)
    Reviews(database).decide(waiting.task_id, 1, "", "k", by="rita")
    assert import_zip(database, images, project.id, file, by="ann").labels == 1
