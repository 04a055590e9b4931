"""The samples that came to a run's pool after it began: a table that is only added to, and their files beside it."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from alframe.arrivals.admission import Admission, Door, Picture, Report
from alframe.arrivals.listing import Item
from alframe.arrivals.looks import looks
from alframe.arrivals.reports import Reported, add_report, read_reports
from alframe.arrivals.similarity import NEAR
from alframe.data import Source
from alframe.data.files import check_classes
from alframe.data.images import SUFFIXES
from alframe.errors import ConfigurationError, UnreadableImage
from alframe.progress import bar
from alframe.storage import file_sha256, hold_folder, whole_file
from alframe.storage.tables import ArrivalRow

FOLDER, CLASSES, LOOKS = "arrivals", "classes.json", "looks.jsonl"
DIGITS = 16
"""Of a file's SHA-256, so many name the sample."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Arrived:
    """One sample that came.

    Attributes:
        sample_id: its id in the pool.
        file: its file, from the run's folder.
        group: its slice; empty where there is none.
        cost: what labelling it costs.
        created_at: when it came, in UTC.
    """

    sample_id: str
    file: str
    group: str
    cost: float
    created_at: datetime


class Arrivals:
    """What arrived in a run, and what was said of its samples.

    Rows are only ever added, each after its file: killed at any moment, a file without a row may be left, which the
    next command takes up, and never a row without a file. The run may go on meanwhile: a round sees what had come when
    the run was opened.

    Args:
        engine: the run's database.
        folder: the run's.
    """

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.folder = folder
        self._engine = engine

    def count(self) -> int:
        """How many came so far."""
        with Session(self._engine) as session:
            return session.scalar(select(func.count()).select_from(ArrivalRow)) or 0

    def rows(self, until: int | None = None) -> list[Arrived]:
        """What came, in its order; the first ``until`` of it, or all if ``None``."""
        with Session(self._engine) as session:
            return [_arrived(row) for row in session.scalars(_IN_ORDER.limit(until))]

    def reports(self) -> list[Reported]:
        """What was said of samples, the first time and later, in its order; of those that the run began with too."""
        with Session(self._engine) as session:
            return read_reports(session)

    def new_classes(self) -> tuple[str, ...]:
        """Names of the classes that were appended to those the run began with, in order."""
        path = self.folder / FOLDER / CLASSES
        return tuple(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else ()

    def add(
        self, items: Sequence[Item], base: Source, *, new_classes: Sequence[str] = (), distance: int | None = NEAR
    ) -> Report:
        """Add the images that the pool does not have yet, and say what became of each.

        A duplicate is a file with the same bytes as another arrival or as a file of ``base`` (an image with the same
        pixels, where ``base`` is in memory), and an image that looks like one of them: a copy of a test image would
        leak into training, whatever its format. The first time, all of ``base`` is decoded for that. The evidence of a
        duplicate is kept for the sample that the pool has.

        Args:
            items: the images, with their evidence.
            base: what the run began with.
            new_classes: appended to the classes first; such as are there already are passed over.
            distance: in how many of 64 bits the perceptual hashes of two images may differ for them to be compared;
                they look the same where their thumbnails agree. ``None`` to keep whatever is not the same file.

        Raises:
            ConfigurationError: a class without a name, a distance that is none.
            RunConflict: another process is adding to this run.
        """
        if distance is not None and not 0 <= distance < 64:
            raise ConfigurationError(f"distance counts bits of 64 and must lie in 0..63, got {distance}")
        with hold_folder(self.folder / FOLDER):
            classes = self._append_classes(base.classes, new_classes)
            hashes = [] if distance is None or not items else looks(base, self.folder / FOLDER / LOOKS)
            door = Door(base, hashes, distance, most=self.count() + len(items))
            with Session(self._engine) as session:
                for row in session.scalars(_IN_ORDER):
                    door.remember(row.sample_id, row.sha256, row.perceptual_hash, self.folder / row.file)
            admissions = []
            with bar("add", total=len(items)) as advance:
                for item in items:
                    admissions.append(self._admit(item, door, classes))
                    log.info("image offered", extra=_facts(admissions[-1]))
                    advance(1)
        return Report(tuple(admissions))

    def _append_classes(self, base: Sequence[str], wanted: Sequence[str]) -> tuple[str, ...]:
        there = (*base, *self.new_classes())
        classes = check_classes([*there, *(name for name in dict.fromkeys(wanted) if name not in there)])
        if len(classes) > len(there):
            with whole_file(self.folder / FOLDER / CLASSES) as unfinished:
                unfinished.write_text(json.dumps(classes[len(base) :]), encoding="utf-8")
        return classes

    def _admit(self, item: Item, door: Door, classes: Sequence[str]) -> Admission:
        found = door.look(item)
        said = item.evidence
        label = classes.index(said.label) if said.label else None
        if isinstance(found, Admission):
            if found.verdict == "refused":
                return found
            with Session(self._engine) as session, session.begin():
                return replace(found, is_news=add_report(session, found.sample_id, label, said))
        file = f"{FOLDER}/{found.sha256}{_suffix(found.path)}"
        try:
            self._keep(found, file)
        except UnreadableImage as error:
            return Admission(item, "refused", why=str(error))
        name = f"arrived/{found.sha256[:DIGITS]}"
        row = ArrivalRow(
            sample_id=name,
            file=file,
            sha256=found.sha256,
            perceptual_hash=found.digits,
            group=item.group,
            cost=item.cost,
        )
        with Session(self._engine) as session, session.begin():
            row.position = session.scalar(select(func.count()).select_from(ArrivalRow)) or 0
            session.add(row)
            add_report(session, name, label, said)
        door.remember(name, found.sha256, found.digits, self.folder / file)
        return Admission(item, "added", name, is_news=True)

    def _keep(self, picture: Picture, file: str) -> None:
        """Have a copy of the picture at ``file``, unless a command that was killed before it wrote the row left one."""
        path = self.folder / file
        if path.is_file() and file_sha256(path) == picture.sha256:
            return
        with whole_file(path) as unfinished:
            shutil.copyfile(picture.path, unfinished)
            if file_sha256(unfinished) != picture.sha256:
                raise UnreadableImage("it changed while it was read")


_IN_ORDER = select(ArrivalRow).order_by(ArrivalRow.position)


def _facts(admission: Admission) -> dict[str, Any]:
    return {"place": admission.item.place, **{name: value for name, value in vars(admission).items() if name != "item"}}


def _suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    return suffix if suffix in SUFFIXES else ""


def _arrived(row: ArrivalRow) -> Arrived:
    return Arrived(row.sample_id, row.file, row.group, row.cost, row.created_at)
