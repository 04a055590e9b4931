"""The journal of a cycle: which steps are done, what each wrote, and how long it took."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from shutil import rmtree
from time import perf_counter

from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session

from alframe.errors import RunConflict
from alframe.storage.artifacts import file_sha256, whole_file
from alframe.storage.tables import JournalRow

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class JournalEntry:
    """One finished step.

    Attributes:
        round: the round it belongs to.
        step: its name (query, ask, collect, train, evaluate, ...).
        artefact: the file it wrote, relative to the run's folder, or ``None``.
        sha256: of that file.
        seconds: how long it took.
        finished_at: when, in UTC.
    """

    round: int
    step: str
    artefact: str | None
    sha256: str | None
    seconds: float
    finished_at: datetime


class Journal:
    """The steps of the run in ``folder``, kept in the database behind ``engine``."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self.folder = folder

    def entries(self) -> list[JournalEntry]:
        """Every finished step, in the order in which they finished."""
        with Session(self._engine) as session:
            return [_entry(row) for row in session.scalars(select(JournalRow).order_by(JournalRow.entry))]

    def done(self, round: int, step: str) -> bool:
        """Whether this step has finished."""
        return self._find(round, step) is not None

    def path(self, round: int, step: str) -> Path:
        """The file that a finished step wrote, its content checked.

        Raises:
            RunConflict: the step is not done, wrote nothing, or its file is gone or was changed.
        """
        entry = self._find(round, step)
        if entry is None or entry.artefact is None:
            raise RunConflict(f"round {round} has no artefact of step {step} in {self.folder}")
        path = self.folder / entry.artefact
        if not path.is_file() or file_sha256(path) != entry.sha256:
            raise RunConflict(
                f"{path} is not what step {step} of round {round} wrote (SHA-256 {entry.sha256}): "
                "restore the file, or start again in another folder"
            )
        return path

    def discard(self, round: int, step: str, *, folder: bool = False) -> None:
        """Delete the file that a step wrote, if there is one, or its ``folder`` with it; the step stays done."""
        entry = self._find(round, step)
        if entry is not None and entry.artefact is not None:
            path = self.folder / entry.artefact
            path.unlink(missing_ok=True)
            if folder:
                rmtree(path.parent, ignore_errors=True)

    def rewind(self, round: int) -> None:
        """Let a round begin anew: none of its steps is done, and what they wrote is deleted."""
        with Session(self._engine) as session, session.begin():
            session.execute(delete(JournalRow).where(JournalRow.round == round))
        rmtree(self.folder / artefact(round, ""), ignore_errors=True)

    @contextmanager
    def step(self, round: int, step: str, artefact: str | None = None) -> Iterator[Path]:
        """Run a block as one step: its file, whole, first; then its row.

        The block writes to the path it is given, which becomes ``artefact`` (relative to the run's folder). Killed
        at any moment, the step is either done or can be done again.
        """
        started = perf_counter()
        if artefact is None:
            yield self.folder
            digest = None
        else:
            path = self.folder / artefact
            with whole_file(path) as unfinished:
                yield unfinished
            digest = file_sha256(path)
        seconds = perf_counter() - started
        self._record(JournalRow(round=round, step=step, artefact=artefact, sha256=digest, seconds=seconds))
        log.info("step done", extra={"round": round, "step": step, "seconds": seconds})

    def _record(self, row: JournalRow) -> None:
        with Session(self._engine) as session, session.begin():
            session.add(row)

    def _find(self, round: int, step: str) -> JournalEntry | None:
        with Session(self._engine) as session:
            row = session.scalar(select(JournalRow).where(JournalRow.round == round, JournalRow.step == step))
            return None if row is None else _entry(row)


def artefact(round: int, name: str) -> str:
    """Where a round keeps a file, relative to the run's folder."""
    return f"round-{round:03d}/{name}"


def _entry(row: JournalRow) -> JournalEntry:
    return JournalEntry(row.round, row.step, row.artefact, row.sha256, row.seconds, row.finished_at)
