"""A run at work: what arrives is looked at again and again, and a cycle begins when a trigger says that it is due."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from rich.markup import escape

from alframe.continuation import advance
from alframe.cycle import Cycle
from alframe.data.csv_lines import csv_lines, moment
from alframe.data.formats.reading import finite
from alframe.errors import AlframeError, ConfigurationError, DataError, LabelsPending
from alframe.functional.randomness import derive_seed, generator
from alframe.learners import Learners
from alframe.monitor import Monitor
from alframe.pool import State
from alframe.progress import say
from alframe.scoring import check_gives, predict
from alframe.storage import load_record, open_database, sqlite_url
from alframe.storage.run_folder import DATABASE
from alframe.succession import ended, interrupted
from alframe.trigger import DriftFound, Evaluated, Signals, Trigger, TriggerLog, settle
from alframe.types import Beginning, Cause, CurvePoint, Drift, Positions, Predictions, ReplayRecord

REQUESTED = "requested"
"""What came so far of a person's request for a cycle."""

NOT_BEGUN = "/not begun"
"""Ends the key of the entry that says why a cycle that was due did not begin."""


@dataclass(frozen=True)
class Watch:
    """What is watched and how: the top-level keys of ``configs/watch.yaml``.

    Attributes:
        run: the folder of the run.
        trigger: says when a cycle is due.
        monitor: compares what arrived with what the champion knew.
        every: seconds from one evaluation to the next.
        once: whether to evaluate once and leave, as for a scheduler that comes again by itself.
        window: of what arrives, the last whole block of so many samples is compared, so that a monitor's level holds
            for each block however often it is looked at.
        reference: the most samples to compare them with: the latest that the champion knew.
        metrics: a CSV file of metrics measured in production, with columns time (ISO 8601), name and value; ``None``
            for none.
        changes: what a cycle does otherwise than the run, as words of ``alframe cycle``.
    """

    run: str
    trigger: Trigger
    monitor: Monitor
    every: float = 300.0
    once: bool = False
    window: int = 200
    reference: int = 1000
    metrics: str | None = None
    changes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Refuse numbers that make no watch."""
        if self.every <= 0:
            raise ConfigurationError(f"every must be positive, got {self.every} seconds")
        for name in ("window", "reference"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{name} must be at least 1, got {getattr(self, name)}")


OpenCycle = Callable[[], AbstractContextManager[Cycle]]
"""Opens the run as it is now, with what has arrived, and holds its folder for the block."""


def watch(job: Watch, open_cycle: OpenCycle, *, sleep: Callable[[float], None] = time.sleep) -> None:
    """Evaluate the triggers, do the cycle that is due, and begin again; once, if the job says so.

    Between evaluations the folder is free for others. What goes wrong in one, as while another process works in the
    folder, is said, and the next is tried. Killed at any moment, it goes on when it is started again: a cycle that was
    due is begun, one that had begun is ended.

    Args:
        job: what is watched.
        open_cycle: opens the run.
        sleep: waits for so many seconds.

    Raises:
        AlframeError: what went wrong, where it evaluates once.
    """
    while True:
        try:
            with open_cycle() as cycle:
                look(cycle, job)
        except AlframeError as error:
            if job.once and not isinstance(error, LabelsPending):
                raise
            say(escape(str(error)))
        if job.once:
            return
        sleep(job.every)


def look(cycle: Cycle, job: Watch) -> str | None:
    """End the cycle that was interrupted, or evaluate the triggers once and do the one that is due.

    Returns:
        What came of the cycle; ``None`` if none was due.

    Raises:
        LabelsPending: people have not labelled everything that was asked for.
    """
    with _trigger_log(Path(job.run)) as triggers:
        begun = interrupted(cycle.journal)
        if begun is not None:
            return advance(cycle, begun.cause, begun.key, begun.changes)
        round = len(ended(cycle.journal))
        past, settled = _standing(triggers.entries()), list[Evaluated]()
        due = _starter(past, round)
        if due is None:
            signals = _signals(cycle, job, past)
            key = f"watch/{signals.now.isoformat()}"
            settled = settle(job.trigger.causes(signals), key=key, round=round, at=signals.now)
            _tell_of_drift(cycle, past, settled)
            triggers.append(settled)
            _tell(settled)
            due = _starter(settled, round)
        if due is None:
            return None
        ending = advance(cycle, f"{due.cause.trigger}: {due.cause.why}", due.key, job.changes)
        if len(ended(cycle.journal)) == round:  # as when the labels are spent: it is not due any longer
            denied = [entry for entry in (*past, *settled) if entry.round == round]
            outcome = f"not begun: {ending}"
            triggers.append(
                [replace(entry, key=entry.key + NOT_BEGUN, outcome=outcome, round=None) for entry in denied]
            )
        return ending


def _standing(entries: Sequence[Evaluated]) -> tuple[Evaluated, ...]:
    """What did not begin stands in the place of what was to begin."""
    return tuple({each.key.removesuffix(NOT_BEGUN): each for each in entries}.values())


def _starter(entries: Sequence[Evaluated], round: int) -> Evaluated | None:
    return next((entry for entry in entries if entry.outcome == f"starts round {round}"), None)


def request(folder: Path, reason: str) -> None:
    """Ask whoever watches the run in ``folder`` for a cycle."""
    now = datetime.now(UTC)
    cause = Cause("request", fired=False, why=reason)
    with _trigger_log(folder) as triggers:
        triggers.append([Evaluated(f"request/{now.isoformat()}", cause, REQUESTED, None, now)])


@contextmanager
def _trigger_log(folder: Path) -> Iterator[TriggerLog]:
    engine = open_database(sqlite_url(folder / DATABASE))
    try:
        yield TriggerLog(engine)
    finally:
        engine.dispose()


def _signals(cycle: Cycle, job: Watch, past: tuple[Evaluated, ...]) -> Signals:
    """What is known now, counted from when the last cycle began."""
    journal, champion, last = cycle.journal, cycle.promotions.champion, len(ended(cycle.journal)) - 1
    if last < 0:
        raise ConfigurationError("the run has no model yet: let `alframe run` end its first round")
    began = load_record(journal.path(last, "begin"), Beginning)
    at = {entry.step: entry.finished_at for entry in journal.entries() if entry.round == last}
    changed = [at["promote"], *(each.created_at for each in cycle.promotions.entries())]
    read = load_record(journal.path(last, "replay"), ReplayRecord).ledger
    said = [entry for entry in cycle.pool.ledger.entries() if entry.entry > read and entry.annotation.label is not None]
    table = cycle.pool.table
    curve = tuple(load_record(journal.path(round, "evaluate"), CurvePoint) for round in range(last + 1))
    return Signals(
        now=datetime.now(UTC),
        last_cycle=at["promote"],
        curve=curve,
        champion=None if champion is None else curve[champion],
        arrivals=len(table) - began.samples,
        labels=len(said) + int(np.count_nonzero(table.known[began.samples :])),
        metrics={} if job.metrics is None else read_metrics(Path(job.metrics), since=max(changed)),
        drift=_drift(cycle, job, last if champion is None else champion, began.samples)
        if job.trigger.reads_drift
        else (),
        requests=tuple(each.cause.why for each in past if each.outcome == REQUESTED and each.at > at["begin"]),
        past=past,
    )


def _drift(cycle: Cycle, job: Watch, base: int, began: int) -> tuple[Drift, ...]:
    """What the monitor says of the last whole block of what came since the model of round ``base`` was trained.

    Nothing, where no block has become whole since the last cycle began; the same for the same block.
    """
    known = load_record(cycle.journal.path(base, "begin"), Beginning).samples
    end = known + (len(cycle.pool.table) - known) // job.window * job.window
    if end <= max(known, began):
        return ()
    learner = Learners(cycle.make_learner, cycle.journal).of(base)
    check_gives(learner, job.monitor.needs, f"monitor {type(job.monitor).__name__}")

    def seen(positions: Positions) -> Predictions:
        seed = derive_seed(cycle.seed, "watch")
        needs, data = job.monitor.needs, cycle.data
        return predict(learner, data, positions, needs, cycle.make_trainer, seed=seed, description="watch")

    reference = seen(_latest(cycle, known, job.reference))
    window = seen(np.arange(end - job.window, end))
    drift = job.monitor.compare(reference, window, generator(cycle.seed, end, "watch"))
    return (replace(drift, end=end),)


def _latest(cycle: Cycle, known: int, most: int) -> Positions:
    """Of the samples that the champion knew, the latest arrivals, and at random of those that the run began with."""
    first = cycle.pool.first
    arrived = np.arange(max(first, known - most), known)
    base = np.flatnonzero(cycle.pool.states()[:first] != State.SET_ASIDE)
    drawn = generator(cycle.seed, "reference").permutation(base)[: most - len(arrived)]
    return np.concatenate([np.sort(drawn), arrived])


def read_metrics(path: Path, *, since: datetime) -> dict[str, list[float]]:
    """The values of each metric since then, by name, oldest first.

    Args:
        path: a CSV file with columns time (ISO 8601; UTC where it names no zone), name and value.
        since: earlier values are left out.

    Raises:
        DataError: it cannot be read, a column is missing, or a line holds no time or no finite number.
    """
    found: list[tuple[datetime, str, float]] = []
    for line, values in csv_lines(path, ("time", "name", "value")):
        try:
            found.append((moment("time", values["time"]), values["name"], finite(values["value"])))
        except ValueError as error:
            raise DataError(f"{path}, line {line}: {error}") from error
    series: dict[str, list[float]] = {}
    for at, name, value in sorted(found):
        if at > since:
            series.setdefault(name, []).append(value)
    return series


def _tell(settled: Sequence[Evaluated]) -> None:
    for entry in settled:
        colour = "green" if entry.cause.fired else "dim"
        say(f"[{colour}]{escape(entry.cause.trigger)}[/]   {escape(entry.outcome)}: {escape(entry.cause.why)}")


def _tell_of_drift(cycle: Cycle, past: Sequence[Evaluated], settled: Sequence[Evaluated]) -> None:
    """Tell the oracle of each block that drifted: before that is written down, so that none goes untold."""
    known = {found.seen for entry in past for found in _drifts(entry.cause)}
    for found in {each.seen: each for entry in settled for each in _drifts(entry.cause)}.values():
        if found.seen not in known:
            cycle.oracle.tell("drift.detected", {"run": cycle.name, "why": found.why, "figures": dict(found.inputs)})


def _drifts(cause: Cause) -> Iterator[Cause]:
    """The drift that a trigger found, itself or by one that it is made of."""
    if cause.fired and cause.trigger == DriftFound.name:
        yield cause
    for part in cause.parts:
        yield from _drifts(part)
