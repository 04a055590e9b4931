"""CVAT through files: what is taken there, and what comes back in its export."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import pytest
import tiny

from alframe.data import Source, SurfaceDefects
from alframe.data.formats.cvat import parse_cvat
from alframe.data.formats.cvat_writer import Labelled, cvat_document
from alframe.errors import ConfigurationError, Conflict, Unavailable
from alframe.functional.regions import class_map
from alframe.oracle.cvat import Cvat
from alframe.types import Label, Objects, Prediction, Query

IDS = tuple(f"bars/{row:03d}" for row in range(4))
QUERY = Query(1, IDS, None, "Entropy", "model 1")
CLASSES = ("top", "middle", "bottom")


def truth_of(source: Source) -> dict[str, Any]:
    return dict(zip(source.table.ids.tolist(), source.table.labels.tolist(), strict=True))


def names(place: Path) -> list[str]:
    """Of the images that are taken to CVAT, in its order."""
    with ZipFile(place / "to_label/images.zip") as archive:
        return sorted(archive.namelist())


def export(path: Path, classes: tuple[str, ...], labelled: list[Labelled], *, below: str = "") -> None:
    """What CVAT's export of a task is: a ZIP of XML, and images if they are asked for."""
    document = cvat_document(classes, [each._replace(name=below + each.name) for each in labelled])
    if path.suffix == ".xml":
        path.write_bytes(document)
        return
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        archive.writestr("annotations.xml", document)
        archive.writestr("images/a.png", b"not looked at")


@pytest.mark.parametrize("suffix", [".xml", ".zip"])
def test_classes_go_there_and_back(tmp_path: Path, suffix: str) -> None:
    """Tags; an image without one is not labelled yet. Files are written once, in the order of the query."""
    source = tiny.Bars()
    truth, oracle = truth_of(source), Cvat(source, str(tmp_path))
    for _ in range(2):
        oracle.ask(QUERY, {IDS[0]: Prediction(1)})
    place = tmp_path / "round-001"
    shown = names(place)
    assert len(shown) == 4
    predicted = parse_cvat((place / "to_label/annotations.xml").read_text())
    assert [(each.name, each.tags) for each in predicted.images] == [(shown[0], ("middle",))]
    assert '"name": "bottom"' in (place / "to_label/labels.json").read_text()
    assert oracle.collect(QUERY) == []
    said: list[Label | None] = [truth[name] for name in IDS[:3]]
    labelled = [Labelled(name, (8, 8), label) for name, label in zip(shown, [*said, None], strict=True)]
    export(place / f"task{suffix}", CLASSES, labelled, below="some/folder/")
    answers = oracle.collect(QUERY)
    assert {each.sample_id: each.label for each in answers} == {name: truth[name] for name in IDS[:3]}
    assert Cvat(source, str(tmp_path)).collect(QUERY) == answers
    export(place / "rest.xml", CLASSES, [Labelled(shown[3], (8, 8), truth[IDS[3]])])
    assert oracle.satisfied(QUERY, oracle.collect(QUERY))


@pytest.mark.parametrize("kind", ["detection", "segmentation"])
def test_objects_go_there_and_back(tmp_path: Path, kind: Any) -> None:
    """Fifty images of defects: what the predictions say in CVAT's words is what comes back, to a rounding."""
    source = SurfaceDefects(count=100, size=48)
    truth = truth_of(source)
    query = replace(QUERY, ids=tuple(source.table.ids[~source.table.held_out][:50].tolist()))
    oracle = Cvat(source, str(tmp_path), kind=kind)
    oracle.ask(query, {name: Prediction(truth[name]) for name in query.ids})
    place = tmp_path / "round-001"
    (place / "export.xml").write_bytes((place / "to_label/annotations.xml").read_bytes())
    answers = oracle.collect(query)
    assert [each.sample_id for each in answers] == list(query.ids)
    for each in answers:
        wanted = truth[each.sample_id]
        assert isinstance(each.label, Objects)
        assert each.label.labels.tolist() == wanted.labels.tolist()
        np.testing.assert_allclose(each.label.boxes, wanted.boxes, atol=1e-6)
        np.testing.assert_array_equal(class_map(each.label, 48, 48), class_map(wanted, 48, 48))


def test_what_cannot_be_used_is_set_aside_with_its_reason(tmp_path: Path) -> None:
    """Two tags, an unknown one, another size: each for its own image."""
    oracle = Cvat(tiny.Bars(), str(tmp_path))
    oracle.ask(QUERY)
    place = tmp_path / "round-001"
    bodies = [
        '<tag label="top"/><tag label="middle"/>',
        '<tag label="left"/>',
        '<tag label="top"/>',
        '<tag label="top"/>',
    ]
    sizes = ["8", "8", "9000000", "8"]
    images = "".join(
        f'<image name="{name}" width="{side}" height="8">{body}</image>'
        for name, side, body in zip(names(place), sizes, bodies, strict=True)
    )
    (place / "task.xml").write_text(f"<annotations>{images}</annotations>")
    reasons = [each.reason for each in oracle.collect(QUERY)]
    assert reasons[3] is None
    for part, reason in zip(("got top, middle", "got left", "of 9000000 x 8 pixels"), reasons[:3], strict=True):
        assert part in str(reason)


def test_a_box_is_no_mask(tmp_path: Path) -> None:
    source = SurfaceDefects(count=20, size=48)
    query = replace(QUERY, ids=tuple(source.table.ids[:1].tolist()))
    oracle = Cvat(source, str(tmp_path))
    oracle.ask(query)
    place = tmp_path / "round-001"
    box = f'<box label="{source.classes[0]}" xtl="1" ytl="1" xbr="5" ybr="5"/>'
    image = f'<image name="{names(place)[0]}" width="48" height="48">{box}</image>'
    (place / "task.xml").write_text(f"<annotations>{image}</annotations>")
    (answer,) = oracle.collect(query)
    assert (answer.label, answer.reason) == (
        None,
        "the annotation of CVAT cannot be used: an object has a box and no mask",
    )


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.xml", b"<annotations><image", "no XML"),
        ("a.xml", b'<!DOCTYPE a [<!ENTITY l "laugh">]><annotations>&l;</annotations>', "DOCTYPE"),
        ("a.xml", b"\xff\xfe", "decode"),
        (
            "a.xml",
            b'<annotations><image name="x.png" width="8" height="8"/></annotations>',
            "an image x.png, which round 1",
        ),
        ("a.xml", b"<annotations><track/></annotations>", "CVAT for video"),
        ("a.zip", b"PK\x03\x04", "archive cannot be read"),
    ],
)
def test_files_that_are_no_export_of_the_round(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    """They may be half copied, so that whoever waits is told and goes on waiting."""
    oracle = Cvat(tiny.Bars(), str(tmp_path))
    oracle.ask(QUERY)
    (tmp_path / "round-001" / name).write_bytes(content)
    with pytest.raises(Unavailable, match=message):
        oracle.collect(QUERY)


def test_archives_that_lead_elsewhere(tmp_path: Path) -> None:
    oracle = Cvat(tiny.Bars(), str(tmp_path))
    oracle.ask(QUERY)
    with ZipFile(tmp_path / "round-001/a.zip", "w") as archive:
        archive.writestr("../annotations.xml", "<annotations/>")
    with pytest.raises(Unavailable, match="leads out of the archive"):
        oracle.collect(QUERY)
    with ZipFile(tmp_path / "round-001/a.zip", "w") as archive:
        archive.writestr("other.xml", "<annotations/>")
    with pytest.raises(Unavailable, match=r"there is no annotations\.xml in it"):
        oracle.collect(QUERY)


def test_files_that_contradict_each_other(tmp_path: Path) -> None:
    oracle = Cvat(tiny.Bars(), str(tmp_path))
    oracle.ask(QUERY)
    place = tmp_path / "round-001"
    for row, name in enumerate(("a.xml", "b.xml")):
        export(place / name, CLASSES, [Labelled(names(place)[0], (8, 8), row)])
    with pytest.raises(Unavailable, match="another file says something else of bars/000"):
        oracle.collect(QUERY)


def test_another_folder(tmp_path: Path) -> None:
    """One that was never asked, and a name that is none."""
    with pytest.raises(Conflict, match="was never asked about bars/000, of round 1"):
        Cvat(tiny.Bars(), str(tmp_path)).collect(QUERY)
    with pytest.raises(ConfigurationError, match=r"oracle\.folder"):
        Cvat(tiny.Bars(), " ")


def test_a_write_that_was_cut_off_is_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder is there when all of it is."""
    oracle = Cvat(tiny.Bars(), str(tmp_path))
    with monkeypatch.context() as patch:
        patch.setattr("alframe.oracle.exchange.json.dumps", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            oracle.ask(QUERY)
    assert list((tmp_path / "round-001").iterdir()) == []
    oracle.ask(QUERY)
    assert len(names(tmp_path / "round-001")) == 4
