"""A run that goes on after its plan: one round more, in the same folder, from the champion."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.markup import escape

from alframe.cycle import Cycle
from alframe.errors import ConfigurationError, DataError
from alframe.progress import say
from alframe.report import write_run_report
from alframe.report.run_folder import is_run
from alframe.storage import Journal, hold_folder, open_database, sqlite_url
from alframe.storage.run_folder import DATABASE
from alframe.succession import interrupted
from alframe.types import Beginning

log = logging.getLogger(__name__)

CHANGEABLE = frozenset(
    {
        *("calibration", "candidates", "cycle", "gate", "loader", "oracle", "replay", "scoring", "stopping"),
        *("strategy", "trainer", "training"),
    }
)
"""The parts of a run that one of its cycles may have of its own."""

FIXED = frozenset({"cycle.initial", "cycle.validation", "cycle.gate"})
"""What was decided for good when the run began, though it stands among those parts."""


def unfinished(folder: Path) -> Beginning | None:
    """What was fixed for the round that has begun in ``folder`` and has not ended; ``None`` if there is none.

    Raises:
        DataError: it is not the folder of a run.
    """
    if not is_run(folder):
        raise DataError(f"{folder} is not the folder of a run: begin one with `alframe run`")
    with _journal(folder) as journal:
        return interrupted(journal)


@contextmanager
def _journal(folder: Path) -> Iterator[Journal]:
    engine = open_database(sqlite_url(folder / DATABASE))
    try:
        yield Journal(engine, folder)
    finally:
        engine.dispose()


def changes_of(folder: Path, wanted: Sequence[str]) -> tuple[str, ...]:
    """What the next cycle of the run in ``folder`` does otherwise than the run.

    A round that has begun keeps the changes it began with. As long as nobody was asked for a label it may begin anew
    with others.

    Args:
        folder: the run's.
        wanted: what is asked for now, as words of the command line.

    Raises:
        DataError: it is not the folder of a run.
        RunConflict: another process works in it.
        ConfigurationError: people were asked in a round that began with other changes.
    """
    begun, changes = unfinished(folder), tuple(wanted)
    if begun is None or not changes or changes == begun.changes:
        return changes if begun is None else begun.changes
    with hold_folder(folder), _journal(folder) as journal:
        if journal.done(begun.round, "ask"):
            was = " ".join(begun.changes) or "none"
            raise ConfigurationError(
                f"round {begun.round} has begun with other changes ({was}), and people were asked: let "
                f"`alframe cycle {folder}` end it first"
            )
        journal.rewind(begun.round)
    return changes


def check_change(key: str) -> None:
    """Refuse to change for one cycle what the whole run rests on.

    Args:
        key: what is changed: dotted, as in the configuration.

    Raises:
        ConfigurationError: it cannot differ from cycle to cycle.
    """
    if key.split(".")[0] not in CHANGEABLE or key in FIXED:
        raise ConfigurationError(
            f"a cycle cannot change {key}, on which the whole run rests; what it can change is "
            f"{', '.join(sorted(CHANGEABLE))} (but not {', '.join(sorted(FIXED))})"
        )


def advance(cycle: Cycle, cause: str, key: str = "", changes: Sequence[str] = ()) -> str:
    """Do one round more, or end the one that was interrupted, write the report, and return what came of it.

    Args:
        cycle: of the run, opened.
        cause: why, for people.
        key: names the request; one that was met already begins nothing.
        changes: what the cycle does otherwise than the run, as words of the command line.

    Raises:
        LabelsPending: the oracle has not answered everything; ask again when it has.
        ConfigurationError: the run has not ended its first round.
    """
    folder, done = cycle.journal.folder, len(cycle.journal.entries())
    say(f"[bold]{escape(cycle.name)}[/] goes on in {escape(str(folder))}")
    ending = cycle.go_on(cause, key, tuple(changes))
    log.info("cycle ended", extra={"reason": ending})
    if len(cycle.journal.entries()) == done:
        say(escape(ending))
    else:
        report = write_run_report(folder, cycle.data.source)
        say(f"{escape(ending)}; report: {escape(str(report))}")
    return ending
