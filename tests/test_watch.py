from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
from arriving import bar, item, save

from alframe.arrivals import Arrivals
from alframe.cycle import Plan
from alframe.errors import ConfigurationError, DataError, LabelsPending, RunConflict
from alframe.gate import Open
from alframe.monitor import DomainClassifier, MaximumMeanDiscrepancy
from alframe.oracle import Simulated
from alframe.run import opened, run
from alframe.stopping import LabelBudget
from alframe.storage import load_record, open_database, sqlite_url
from alframe.trigger import AnyOf, DriftFound, Hysteresis, Manual, NewLabels, Signals, Trigger, TriggerLog
from alframe.trigger import Arrivals as ManyArrivals
from alframe.types import Annotation, Beginning, Cause, Decision, Query
from alframe.watch import Watch, look, read_metrics, request, watch

PLAN = Plan(initial=12, batch=4, rounds=0)


class Always(Trigger):
    """Fires whatever happens, and remembers what it saw."""

    def __init__(self, name: str = "always") -> None:
        self.name = name
        self.seen: list[Signals] = []

    def evaluate(self, signals: Signals) -> Cause:
        self.seen.append(signals)
        return Cause(self.name, fired=True, why="as always")


@pytest.fixture(scope="module")
def first_round(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("watched")
    run(tiny.parts(cycle=PLAN), folder, tiny.CONFIG)
    return folder


@pytest.fixture
def folder(first_round: Path, tmp_path: Path) -> Path:
    return shutil.copytree(first_round, tmp_path / "run")


def job(folder: Path, trigger: Trigger, **changes: Any) -> Watch:
    return Watch(
        run=str(folder), trigger=trigger, monitor=MaximumMeanDiscrepancy(), **({"once": True, "window": 30} | changes)
    )


def evaluate(folder: Path, trigger: Trigger, *, oracle: Any = Simulated, **changes: Any) -> str | None:
    with opened(tiny.parts(cycle=PLAN, oracle=oracle), folder, tiny.CONFIG) as cycle:
        return look(cycle, job(folder, trigger, **changes))


def arrive(folder: Path, count: int, make: Callable[[int], Any], label: str = "") -> None:
    arrivals = Arrivals(open_database(sqlite_url(folder / "run.sqlite")), folder)
    paths = [save(folder / f"in/{label}{row}.png", make(row)) for row in range(count)]
    report = arrivals.add([item(path, label=label) for path in paths], tiny.Bars())
    assert len(report.added) == count


def inverted(row: int) -> Any:
    return 255 - bar(row % 6 + 1, seed=1000 + row)


def as_ever(row: int) -> Any:
    return bar(row % 6 + 1, seed=2000 + row)


def logged(folder: Path) -> list[tuple[str, str]]:
    return [(each.cause.trigger, each.outcome) for each in TriggerLog(database(folder)).entries()]


def database(folder: Path) -> Any:
    return open_database(sqlite_url(folder / "run.sqlite"))


def beginning(folder: Path, round: int) -> Beginning:
    return load_record(folder / f"round-{round:03d}/beginning.json", Beginning)


def test_drift_begins_a_cycle_and_the_usual_does_not(folder: Path) -> None:
    """Images as ever leave the trigger silent; inverted ones fire it, and the round knows why it began."""
    assert evaluate(folder, DriftFound()) is None
    arrive(folder, 30, as_ever, label="top")
    assert evaluate(folder, DriftFound()) is None
    arrive(folder, 30, inverted, label="middle")
    assert evaluate(folder, DriftFound()) == "round 1 is done"
    assert logged(folder) == [("drift_found", outcome) for outcome in ("not due", "not due", "starts round 1")]
    begun = beginning(folder, 1)
    assert begun.cause.startswith("drift_found: maximum_mean_discrepancy found drift in 30 samples")
    assert begun.samples == 60 + 60
    assert evaluate(folder, DriftFound()) is None


def test_a_refused_challenger_is_not_tried_again_on_the_same_block(folder: Path) -> None:
    """Drift stays where the champion stays; the next block that becomes whole fires again."""

    class Shut(Open):
        def decide(self, trial: Any, rng: Any) -> Decision:  # noqa: ARG002 (whatever comes)
            return Decision("worse", promoted=False, reason="shut")

    arrive(folder, 30, inverted)
    for expected in ("round 1 is done", None):
        with opened(tiny.parts(cycle=PLAN, gate=Shut()), folder, tiny.CONFIG) as cycle:
            assert look(cycle, job(folder, DriftFound())) == expected
    arrive(folder, 30, lambda row: 255 - bar(row % 6 + 1, seed=5000 + row), label="top")
    assert evaluate(folder, DriftFound()) == "round 2 is done"


def test_two_blocks_in_a_row_are_not_one_block_read_twice(folder: Path) -> None:
    """However often the first is looked at, hysteresis waits for the second."""
    trigger = Hysteresis(inner=DriftFound(), times=2)
    arrive(folder, 30, inverted)
    assert [evaluate(folder, trigger) for _ in range(3)] == [None] * 3
    arrive(folder, 30, lambda row: 255 - bar(row % 6 + 1, seed=5000 + row), label="top")
    assert evaluate(folder, trigger) == "round 1 is done"


def test_five_triggers_at_once_begin_one_cycle(folder: Path) -> None:
    """The first is its cause, the others are merged into it; each has its entry."""
    trigger = AnyOf(triggers={name: Always() for name in "abcde"})
    assert evaluate(folder, trigger) == "round 1 is done"
    assert logged(folder) == [("a", "starts round 1"), *((name, "merged into round 1") for name in "bcde")]
    assert beginning(folder, 1).cause == "a: as always"
    assert not (folder / "round-002").exists()


def test_what_was_due_when_it_was_killed_begins_afterwards(folder: Path) -> None:
    """The log is written before the round begins: the next evaluation begins that round, and asks no trigger again."""

    class Killed(BaseException):
        pass

    with opened(tiny.parts(cycle=PLAN), folder, tiny.CONFIG) as cycle:

        def kill(*_: Any, **__: Any) -> None:
            raise Killed

        object.__setattr__(cycle, "go_on", kill)
        with pytest.raises(Killed):
            look(cycle, job(folder, Always()))
    asked_again = Always("another")
    assert evaluate(folder, asked_again) == "round 1 is done"
    assert asked_again.seen == []
    assert beginning(folder, 1).cause == "always: as always"
    assert len(logged(folder)) == 1


def test_a_round_that_waits_for_people_is_ended_before_anything_else(folder: Path) -> None:
    """While it waits no trigger is asked."""

    class Slow(Simulated):
        def collect(self, query: Query) -> list[Annotation]:
            return super().collect(query)[:1]

    with pytest.raises(LabelsPending):
        evaluate(folder, Always(), oracle=Slow)
    later = Always("later")
    assert evaluate(folder, later) == "round 1 is done"
    assert later.seen == []


def test_somebodys_request_is_heeded_once(folder: Path) -> None:
    """It waits in the log until a watcher looks; after the cycle it is met."""
    request(folder, "new camera")
    assert evaluate(folder, Manual()) == "round 1 is done"
    assert beginning(folder, 1).cause == "manual: asked for: new camera"
    assert evaluate(folder, Manual()) is None


def test_the_signals_count_from_the_last_cycle(folder: Path) -> None:
    """Arrivals, labels that came with them, the curve and the past; after a cycle they count from there."""
    arrive(folder, 3, as_ever, label="top")
    arrive(folder, 2, inverted)
    trigger = Always()
    evaluate(folder, trigger)
    arrive(folder, 1, lambda row: bar(2, seed=77 + row), label="bottom")
    evaluate(folder, trigger)
    first, second = trigger.seen
    assert (first.arrivals, first.labels, len(first.curve), len(first.past)) == (5, 3, 1, 0)
    assert (second.arrivals, second.labels, len(second.curve), len(second.past)) == (1, 1, 2, 1)
    assert second.champion == second.curve[1]
    assert first.last_cycle is not None
    assert second.last_cycle is not None
    assert first.last_cycle < first.now < second.last_cycle < second.now
    assert first.drift == ()  # the trigger does not read it
    assert evaluate(folder, NewLabels(count=1)) is None
    assert evaluate(folder, ManyArrivals(count=1)) is None


def test_the_same_window_is_judged_alike(folder: Path) -> None:
    """Permutations and reference are derived from the run's seed and what has arrived."""
    arrive(folder, 35, as_ever)

    class Reader(Always):
        reads_drift = True

        def evaluate(self, signals: Signals) -> Cause:
            return replace(super().evaluate(signals), fired=False)

    trigger = Reader()
    for _ in range(2):
        with opened(tiny.parts(cycle=PLAN), folder, tiny.CONFIG) as cycle:
            look(cycle, replace(job(folder, trigger), monitor=DomainClassifier()))
    (first,), (second,) = (signals.drift for signals in trigger.seen)
    assert first == second
    assert first.samples == (60, 30)


def test_it_evaluates_until_it_is_stopped(folder: Path) -> None:
    """At the interval that was asked for, with the folder free in between."""
    naps: list[float] = []

    def sleep(seconds: float) -> None:
        with opened(tiny.parts(cycle=PLAN), folder, tiny.CONFIG):
            naps.append(seconds)
        if len(naps) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watch(
            job(folder, Manual(), once=False, every=60.0),
            lambda: opened(tiny.parts(cycle=PLAN), folder, tiny.CONFIG),
            sleep=sleep,
        )
    assert naps == [60.0] * 3
    assert logged(folder) == [("manual", "not due")] * 3


def test_a_service_survives_what_goes_wrong_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Said, and tried again; where it evaluates once it is an error."""
    naps: list[float] = []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 2:
            raise KeyboardInterrupt

    def open_cycle() -> Any:
        if not naps:
            raise RunConflict("another process is running")
        return opened(tiny.parts(cycle=PLAN), folder, tiny.CONFIG)

    with pytest.raises(KeyboardInterrupt):
        watch(job(folder, Manual(), once=False), open_cycle, sleep=sleep)
    assert "another process is running" in capsys.readouterr().out
    assert logged(folder) == [("manual", "not due")]
    naps.clear()
    with pytest.raises(RunConflict):
        watch(job(folder, Manual()), open_cycle)


def test_what_cannot_begin_is_not_due_for_ever(folder: Path) -> None:
    """It is written down, and triggers are asked again."""
    trigger = Always()
    for _ in range(2):
        with opened(tiny.parts(cycle=PLAN, stopping=LabelBudget(labels=12)), folder, tiny.CONFIG) as cycle:
            assert "12 labels" in str(look(cycle, job(folder, trigger)))
    assert len(trigger.seen) == 2
    assert [outcome.split(":")[0] for _, outcome in logged(folder)] == ["starts round 1", "not begun"] * 2
    assert evaluate(folder, trigger) == "round 1 is done"


def test_hysteresis_does_not_wait_after_a_cycle_that_did_not_begin(folder: Path) -> None:
    """Neither the trigger that it was to start with nor one that was merged into it."""
    trigger = AnyOf(triggers={name: Hysteresis(inner=Always(), times=2) for name in "ab"})
    for _ in range(3):
        with opened(tiny.parts(cycle=PLAN, stopping=LabelBudget(labels=12)), folder, tiny.CONFIG) as cycle:
            look(cycle, job(folder, trigger))
    outcomes = [outcome.split(":")[0] for _, outcome in logged(folder)]
    assert outcomes == ["not due"] * 2 + ["starts round 1", "merged into round 1", "not begun", "not begun"] * 2


def test_metrics_are_read_by_name_in_order_of_time(tmp_path: Path) -> None:
    """Since a moment; times without a zone are UTC."""
    path = tmp_path / "production.csv"
    path.write_text(
        "time,name,value\n"
        "2026-01-03T00:00:00,accuracy,0.7\n"
        "2026-01-02T00:00:00+00:00,accuracy,0.8\n"
        "2026-01-02T00:00:00Z,latency,12\n"
        "2026-01-01T00:00:00,accuracy,0.9\n"
    )
    since = datetime(2026, 1, 1, tzinfo=UTC)
    assert read_metrics(path, since=since) == {"accuracy": [0.8, 0.7], "latency": [12.0]}
    assert read_metrics(path, since=since + timedelta(days=9)) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("time,value\n", "line 1: the header must name time and name and value"),
        ("time,name,value\nyesterday,accuracy,0.5\n", "line 2"),
        ("time,name,value\n2026-01-01,accuracy,high\n", "line 2"),
        ("time,name,value\n2026-01-01,accuracy\n", "line 2"),
        ("time,name,value\n2026-01-01,accuracy,1\n2026-01-02,accuracy,nan\n", "line 3: 'nan' is no number"),
        ("time,name,value\n2026-01-01,accuracy,-inf\n", "line 2: '-inf' is no number"),
        ("time,name,value\n2026-01-01,Schärfe,1\n", "no CSV file in UTF-8"),
    ],
)
def test_metrics_that_cannot_be_read_are_refused(tmp_path: Path, text: str, message: str) -> None:
    """With the file and the line."""
    path = tmp_path / "production.csv"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(DataError, match=f"production.csv.*{message}"):
        read_metrics(path, since=datetime(2020, 1, 1, tzinfo=UTC))
    with pytest.raises(DataError, match="cannot open the table"):
        read_metrics(tmp_path / "none.csv", since=datetime(2020, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("change", [{"every": 0.0}, {"window": 0}, {"reference": 0}])
def test_numbers_that_make_no_watch_are_refused(change: dict[str, Any]) -> None:
    """Before the run is opened."""
    with pytest.raises(ConfigurationError, match=next(iter(change))):
        job(Path("runs/a"), Manual(), **change)


def test_the_reference_is_what_the_champion_knew(folder: Path) -> None:
    """The latest arrivals of its time first, then others of the pool at random; nothing that was set aside."""
    from alframe.watch import _latest

    arrive(folder, 10, as_ever)
    with opened(tiny.parts(cycle=PLAN), folder, tiny.CONFIG) as cycle:
        cycle.pool.set_aside({3: "damaged"}, round=0)
        assert _latest(cycle, 68, 4).tolist() == [64, 65, 66, 67]
        some = _latest(cycle, 68, 20)
        assert some[-8:].tolist() == list(range(60, 68))
        assert len(np.unique(some)) == 20
        assert _latest(cycle, 60, 100).tolist() == [row for row in range(60) if row != 3]
