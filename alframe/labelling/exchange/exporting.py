"""A project's labels as a file that others can read: a ZIP with every label that holds and where it comes from."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator, Sequence
from io import TextIOWrapper
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, Literal
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from alframe.data.files import natural_key
from alframe.data.formats.annotations import AnnotatedImage, Annotations
from alframe.data.formats.coco import write_coco
from alframe.data.images import opened_image
from alframe.errors import InvalidInput
from alframe.labelling.images import ImageStore
from alframe.labelling.labels import load_label
from alframe.labelling.projects import Project, load_project
from alframe.labelling.settling.settlements import latest
from alframe.storage.service import ServiceDatabase, record
from alframe.storage.service.tables import ItemRow, SettlementRow
from alframe.types import Objects

LABELS = "labels.csv"
"""The table of labels in an archive; an import reads it again."""

COLUMNS = (
    *("sample", "image", "sha256", "group", "label", "reason"),
    *("version", "source", "settled_by", "confidence", "agreement", "settled_at"),
)

Labelled = tuple[ItemRow, SettlementRow]


def export(
    database: ServiceDatabase,
    images: ImageStore | None,
    project_id: int,
    stream: BinaryIO,
    *,
    by: str,
    format: Literal["csv", "coco"] = "csv",  # noqa: A002 (what a format is called)
) -> int:
    """Write the labels that hold into a ZIP; never an item that is held. The same labels make the same bytes.

    ``labels.csv`` has a line for each label with its version and source: the name of a class, or objects as JSON.
    With ``coco`` the archive also has ``annotations/train.json``.

    Args:
        database: of the service.
        images: the images' files come along, as ``images/SHA256.FORMAT``; without them if ``None``.
        project_id: whose labels.
        stream: where to.
        by: who takes the labels away; the audit trail keeps it.
        format: of the objects.

    Returns:
        How many labels.

    Raises:
        NotFound: there is no such project.
        InvalidInput: COCO, which has no classes of whole images, for a project of classes.
    """
    with database.read() as session:
        project = load_project(session, project_id)
        if format == "coco" and project.kind == "classification":
            raise InvalidInput(f"COCO has objects, and project {project.name!r} has classes: export it as csv")
        found = _labelled(session, project_id)
    # Before a byte is written: what is read of it may be kept, whatever happens then.
    with database.write() as session:
        detail = {"format": format, "labels": len(found), "images": images is not None}
        record(session, by, "labels.export", f"project/{project_id}", detail)
    with ZipFile(stream, "w") as archive:
        names = {} if images is None else dict(_put_images(archive, images, found))
        _put_table(archive, project, found, names)
        if format == "coco":
            _put_coco(archive, project, found, names)
    return len(found)


def _labelled(session: Session, project_id: int) -> list[Labelled]:
    rows = (
        select(ItemRow, SettlementRow)
        .join(SettlementRow, SettlementRow.item_id == ItemRow.id)
        .where(ItemRow.project_id == project_id, ItemRow.held == "", latest(project_id))
    )
    found = [(item, settlement) for item, settlement in session.execute(rows)]
    return sorted(found, key=lambda pair: natural_key(pair[0].sample_id))


def _put_images(archive: ZipFile, images: ImageStore, found: Sequence[Labelled]) -> Iterator[tuple[str, str]]:
    """The SHA-256 of each image, and its name in the archive."""
    for sha256 in dict.fromkeys(item.image for item, _ in found):
        path = images.path(sha256)
        with opened_image(path) as opened:
            name = f"images/{sha256}.{str(opened.format).lower()}"
        _put_file(archive, name, path, ZIP_STORED)
        yield sha256, name


def _put_table(archive: ZipFile, project: Project, found: Sequence[Labelled], names: dict[str, str]) -> None:
    with (
        archive.open(_entry(LABELS, ZIP_DEFLATED), "w", force_zip64=True) as raw,
        TextIOWrapper(raw, "utf-8", newline="") as text,
    ):
        table = csv.writer(text, lineterminator="\n")
        table.writerow(COLUMNS)
        for item, held in found:
            about = (item.sample_id, names.get(item.image, ""), item.image, item.group, _label(project, held.label))
            why = (held.reason, held.version, held.source, held.settled_by, held.confidence, held.agreement)
            table.writerow((*about, *why, held.created_at.isoformat()))


def _label(project: Project, stored: object) -> str:
    if stored is None:
        return ""
    return project.classes[stored] if isinstance(stored, int) else json.dumps(stored, separators=(",", ":"))


def _put_coco(archive: ZipFile, project: Project, found: Sequence[Labelled], names: dict[str, str]) -> None:
    annotated = tuple(
        AnnotatedImage(names.get(item.image, item.sample_id), (item.height, item.width), label, item.group)
        for item, held in found
        if isinstance(label := load_label(held.label), Objects)
    )
    with TemporaryDirectory() as place:
        folder = Path(place)
        write_coco(Annotations(folder, project.classes, annotated), folder)
        for path in sorted(folder.rglob("*.json")):
            _put_file(archive, path.relative_to(folder).as_posix(), path, ZIP_DEFLATED)


def _put_file(archive: ZipFile, name: str, path: Path, compression: int) -> None:
    entry = _entry(name, compression)
    entry.file_size = path.stat().st_size
    with path.open("rb") as source, archive.open(entry, "w") as target:
        shutil.copyfileobj(source, target)


def _entry(name: str, compression: int) -> ZipInfo:
    """An entry that says nothing of when and where it was made."""
    entry = ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    entry.create_system, entry.external_attr, entry.compress_type = 3, 0o644 << 16, compression
    return entry
