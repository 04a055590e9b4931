"""Bring images, and labels if there are some, into a project: a ZIP from a stranger."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO
from zipfile import ZipFile, ZipInfo

from alframe.data.csv_lines import csv_lines
from alframe.errors import DataError, InvalidInput
from alframe.labelling.exchange.archives import MAX_FILE, opened_archive, read_entry
from alframe.labelling.exchange.exporting import LABELS
from alframe.labelling.images import ImageStore, StoredImage
from alframe.labelling.items import Items, NewItem, check_name
from alframe.labelling.labels import dump_label, parse_label
from alframe.labelling.projects import Project, Projects
from alframe.labelling.queue.submissions import Answer
from alframe.labelling.rows import lock_items
from alframe.labelling.rules import broken
from alframe.labelling.settling.reports import critical_classes
from alframe.labelling.settling.reviewing import give_to_review
from alframe.labelling.settling.settlements import append, holding
from alframe.storage.service import ServiceDatabase
from alframe.types import Label

MAX_LINES = 200_000
"""Lines of a table: as many labels, and as many that are left out, are in memory."""

TOLD = 100
"""Reasons why something was left out that are told; of more, their number."""

csv.field_size_limit(MAX_FILE)  # of the process, once: all masks of an image are one field

AT_ONCE = 200
"""Labels in one transaction, so that others are not kept waiting."""


@dataclass(frozen=True)
class Imported:
    """What became of an archive.

    Attributes:
        items: images that are in the project now.
        labels: those that got a label, or had the same.
        refused: what was left out, each with the reason; of more than ``TOLD`` the last line says how many.
    """

    items: int
    labels: int
    refused: tuple[str, ...]


@dataclass(frozen=True)
class _Line:
    """What the table says of one file."""

    sample: str
    label: str
    group: str
    place: str


def import_zip(database: ServiceDatabase, images: ImageStore, project_id: int, file: BinaryIO, *, by: str) -> Imported:
    """Add the images of a ZIP to a project, each under its name there.

    ``labels.csv`` may name samples and their labels: ``sample,label`` or also ``image``, the file in the archive where
    that is not the sample's name, and ``group``; other columns are passed over, so that an export comes back. A label
    is the name of a class, or objects as JSON. An archive that could do harm is refused whole, before anything of it
    is stored. A file that is no image, and a label that cannot be, is left out and named. Sent again it changes
    nothing.

    Args:
        database: of the service.
        images: where files are kept.
        project_id: whose images they become.
        file: the ZIP, seekable; it is read file by file.
        by: who imports.

    Raises:
        NotFound: there is no such project.
        InvalidInput: see ``opened_archive``; a table that is none.
        Conflict: a sample is there with another image.
    """
    project = Projects(database).get(project_id)
    refused: list[str] = []
    with opened_archive(file) as (archive, infos):
        lines = _table(archive, infos, refused)
        stored = _store(archive, [info for info in infos if info.filename != LABELS], images, refused)
    refused += [f"{line.place}: there is no image {name[:100]!r}" for name, line in lines.items() if name not in stored]
    lines = {name: lines.get(name, _Line(name, "", "", name)) for name in stored}
    new = {line.sample: NewItem(line.sample, stored[name], line.group) for name, line in lines.items()}
    if len(new) < len(stored):
        raise InvalidInput(f"{LABELS} gives an image the name of another one; nothing of the archive is taken")
    ids = Items(database).add(project.id, new.values(), by=by)
    labels: dict[int, tuple[Label, _Line]] = {}
    for name, line in lines.items():
        if line.label:
            try:
                labels[ids[line.sample]] = _parsed(line.label, project, stored[name]), line
            except InvalidInput as error:
                refused.append(f"{line.place}: {error}")
    return Imported(len(ids), _settle(database, project, labels, refused, by), _told(refused))


def _told(refused: Sequence[str]) -> tuple[str, ...]:
    more = len(refused) - TOLD
    return (*refused[:TOLD], f"and {more:,} more") if more > 0 else tuple(refused)


def _table(archive: ZipFile, infos: Sequence[ZipInfo], refused: list[str]) -> dict[str, _Line]:
    """What the table says, by the name of the file."""
    found: dict[str, _Line] = {}
    for info in infos:
        if info.filename != LABELS:
            continue
        with TemporaryDirectory() as folder:
            path = Path(folder) / LABELS
            path.write_bytes(read_entry(archive, info))
            try:
                for number, row in csv_lines(path, ["sample", "label"]):
                    if number > MAX_LINES:
                        raise InvalidInput(f"{LABELS} has more than {MAX_LINES:,} lines: split it, with its images")
                    line = _Line(row["sample"], row["label"], row.get("group", ""), f"{LABELS}, line {number}")
                    name = row.get("image") or line.sample
                    if why := _why_left_out(line, name, found):
                        refused.append(f"{line.place}: {why}")
                    else:
                        found[name] = line
            except DataError as error:
                raise InvalidInput(str(error).replace(str(path), LABELS)) from error
    return found


def _why_left_out(line: _Line, name: str, found: Mapping[str, _Line]) -> str | None:
    if not line.sample or name in found:
        return f"a sample and its image are named once, got {name[:100]!r}"
    try:
        check_name(line.sample)
        check_name(line.group)
    except InvalidInput as error:
        return str(error)
    return None


def _store(
    archive: ZipFile, infos: Sequence[ZipInfo], images: ImageStore, refused: list[str]
) -> dict[str, StoredImage]:
    """The images among the files, kept; by the name of the file."""
    stored: dict[str, StoredImage] = {}
    for info in infos:
        try:
            stored[info.filename] = images.put_bytes(read_entry(archive, info))
        except InvalidInput as error:
            refused.append(f"{info.filename}: {error}")
    return stored


def _parsed(text: str, project: Project, image: StoredImage) -> Label:
    if project.kind == "classification":
        if text not in project.classes:
            raise InvalidInput(f"there is no class {text[:100]!r}; there are {', '.join(project.classes)}")
        label: Label | None = project.classes.index(text)
    else:
        try:
            said = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InvalidInput(f"a label of objects is JSON: {error}") from error
        label = parse_label(said, project, image.width, image.height)
    if label is None:
        raise InvalidInput("null is no label")
    if sentences := broken(Answer(label), project, image.width, image.height):
        raise InvalidInput("; ".join(sentences))
    return label


def _settle(
    database: ServiceDatabase,
    project: Project,
    labels: Mapping[int, tuple[Label, _Line]],
    refused: list[str],
    by: str,
) -> int:
    """Let the labels hold where nothing stronger does; how many do."""
    items = sorted(labels)
    held = 0
    for start in range(0, len(items), AT_ONCE):
        with database.write() as session:
            lock_items(session, items[start : start + AT_ONCE])
            for item_id in items[start : start + AT_ONCE]:
                label, line = labels[item_id]
                last = holding(session, item_id)
                written = dump_label(label)
                if last is not None and last.label == written:
                    held += 1
                    continue
                if critical := critical_classes(project, label):
                    give_to_review(session, project, item_id, label, f"an import says {', '.join(critical)}")
                    refused.append(f"{line.place}: {', '.join(critical)} is safety-critical: a reviewer decides")
                    continue
                # The same label may come twice, with another one between.
                after = 0 if last is None else last.version
                digest = hashlib.sha256(json.dumps(written).encode()).hexdigest()[:16]
                key = f"import/{item_id}/{after}/{digest}"
                version = append(session, project, item_id, key=key, label=label, source="import", settled_by=by)
                if version is None:
                    refused.append(f"{line.place}: what holds of {line.sample!r} is stronger than an import")
                held += version is not None
    return held
