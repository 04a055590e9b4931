"""A run goes on with what arrived: the next round asks for it, a round that has begun does not see it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
from arriving import bar, item, save

from alframe.arrivals import Arrivals, Report
from alframe.cycle import Cycle, Plan
from alframe.errors import LabelsPending
from alframe.oracle import Simulated
from alframe.pool import State
from alframe.run import Parts, opened, run
from alframe.storage import load_record, open_database, sqlite_url
from alframe.strategy import Margin, Reported
from alframe.types import Annotation, Beginning, CurvePoint, Query

NAMES = ("top", "middle", "bottom")


def parts(**changes: Any) -> Parts:
    """A run of one round that asks first for what was reported."""
    plan = Plan(initial=6, batch=4, rounds=0, validation=5, gate=4)
    return tiny.parts(**({"strategy": Reported(inner=Margin()), "cycle": plan} | changes))


def arrive(folder: Path, rows: range, **options: Any) -> Report:
    """Bars come, each with its label."""
    arrivals = Arrivals(open_database(sqlite_url(folder / "run.sqlite")), folder)
    paths = [save(folder / f"in/{row}.png", bar(row % 6 + 1, seed=row)) for row in rows]
    items = [item(path, label=NAMES[row % 6 // 2]) for row, path in zip(rows, paths, strict=True)]
    return arrivals.add(items, tiny.Bars(), **options)


def asked(cycle: Cycle, round: int) -> Query:
    return load_record(cycle.journal.path(round, "query"), Query)


def test_the_next_round_asks_for_what_arrived_and_trains_on_it(tmp_path: Path) -> None:
    """What a simulated oracle knows of it is learned; held-out samples are those that were drawn at first."""
    run(parts(), tmp_path, tiny.CONFIG)
    with opened(parts(), tmp_path, tiny.CONFIG) as cycle:
        before = cycle.pool.states()
    names = [each.sample_id for each in arrive(tmp_path, range(4)).added]
    with opened(parts(), tmp_path, tiny.CONFIG) as cycle:
        np.testing.assert_array_equal(cycle.pool.states()[:60], before)
        assert (cycle.pool.states()[60:] == State.UNLABELLED).all()
        assert cycle.go_on("failures arrived") == "round 1 is done"
        assert set(asked(cycle, 1).ids) == set(names)
        positions, labels = cycle.pool.labelled()
        assert labels[np.isin(positions, range(60, 64))].tolist() == [0, 0, 1, 1]
        assert set(names) <= set(cycle._lesson.memory._record_of(1).new)
    assert "top" in (tmp_path / "report.html").read_text(encoding="utf-8")


class Slow(Simulated):
    """Has not answered yet."""

    def collect(self, query: Query) -> list[Annotation]:
        return super().collect(query)[:0]


def test_what_nobody_knew_is_asked_for_again_when_somebody_says_it(tmp_path: Path) -> None:
    """A simulated oracle sets it aside; told the label, it gives it in the next round."""
    run(parts(), tmp_path, tiny.CONFIG)
    arrivals = Arrivals(open_database(sqlite_url(tmp_path / "run.sqlite")), tmp_path)
    path = save(tmp_path / "in/x.png", bar(1))
    arrivals.add([item(path)], tiny.Bars())
    for state, label in ((State.SET_ASIDE, "top"), (State.LABELLED, "top")):
        with opened(parts(), tmp_path, tiny.CONFIG) as cycle:
            assert "is done" in cycle.go_on("by hand")
            assert cycle.pool.states()[60] == state
        arrivals.add([item(path, label=label)], tiny.Bars())
    with opened(parts(), tmp_path, tiny.CONFIG) as cycle:
        positions, labels = cycle.pool.labelled()
        assert labels[positions == 60].tolist() == [0]


def test_a_round_that_has_begun_does_not_see_what_arrived_later(tmp_path: Path) -> None:
    """Whoever ends it, with the samples and classes that it began with; the one after it sees everything."""
    run(parts(), tmp_path, tiny.CONFIG)
    with opened(parts(oracle=Slow), tmp_path, tiny.CONFIG) as cycle, pytest.raises(LabelsPending):
        cycle.go_on("by hand")
    arrive(tmp_path, range(3), new_classes=["rust"])
    with opened(parts(), tmp_path, tiny.CONFIG) as cycle:
        assert (len(cycle.pool.table), cycle.data.num_classes) == (60, 3)
        assert cycle.go_on("by hand") == "round 1 is done"
    with opened(parts(), tmp_path, tiny.CONFIG) as cycle:
        assert (len(cycle.pool.table), cycle.data.source.classes) == (63, (*NAMES, "rust"))


def test_a_new_class_is_learned_beside_the_old_ones(tmp_path: Path) -> None:
    """It comes last; the champion from before gives it next to nothing, and the learner after it knows all."""
    run(parts(), tmp_path, tiny.CONFIG)
    arrive(tmp_path, range(2), new_classes=["rust"])
    arrivals = Arrivals(open_database(sqlite_url(tmp_path / "run.sqlite")), tmp_path)
    arrivals.add([item(save(tmp_path / "in/rust.png", bar(7)), label="rust")], tiny.Bars())
    with opened(parts(), tmp_path, tiny.CONFIG) as cycle:
        assert cycle.go_on("rust was found") == "round 1 is done"
        assert load_record(cycle.journal.path(1, "begin"), Beginning).classes == (*NAMES, "rust")
        positions, labels = cycle.pool.labelled()
        assert labels[positions == 62].tolist() == [3]
        point = load_record(cycle.journal.path(1, "evaluate"), CurvePoint)
        assert [score is None for score in point.evaluation.by_class] == [False, False, False, True]
    run(parts(), tmp_path, tiny.CONFIG)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "rust" in page


def test_a_pool_that_was_used_up_goes_on_when_something_arrives(tmp_path: Path) -> None:
    """The run ends without a round that could never end; later the round begins with what came."""
    plan = Plan(initial=30, batch=40, rounds=3)
    run(parts(cycle=plan), tmp_path, tiny.CONFIG)
    with opened(parts(cycle=plan), tmp_path, tiny.CONFIG) as cycle:
        assert len(cycle.pool.in_state(State.UNLABELLED)) == 0
        assert "no unlabelled samples are left" in cycle.go_on("by hand")
    arrive(tmp_path, range(3))
    run(parts(cycle=plan), tmp_path, tiny.CONFIG)
    with opened(parts(cycle=plan), tmp_path, tiny.CONFIG) as cycle:
        assert load_record(cycle.journal.path(2, "begin"), Beginning).samples == 63
        assert len(asked(cycle, 2).ids) == 3


def test_evidence_reaches_strategies_with_the_predictions(tmp_path: Path) -> None:
    """A weight for every candidate, as costs are; none of any where nothing came."""
    run(parts(), tmp_path, tiny.CONFIG)
    for expected in (None, [1.0, 1.0]):
        with opened(parts(), tmp_path, tiny.CONFIG) as cycle:
            seen: list[Any] = []

            class Watching(Margin):
                def select(self, unlabelled: Any, *rest: Any, **known: Any) -> Any:
                    seen.append(unlabelled)  # noqa: B023 (called in this iteration)
                    return super().select(unlabelled, *rest, **known)

            dataclasses.replace(cycle, strategy=Watching()).go_on("by hand")
        (unlabelled,) = seen
        if expected is None:
            assert unlabelled.evidence is None
            arrive(tmp_path, range(2))
        else:
            come = np.char.startswith(unlabelled.ids, "arrived/")
            assert unlabelled.evidence[come].tolist() == expected
            assert not unlabelled.evidence[~come].any()
