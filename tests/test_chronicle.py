"""What strategies and stopping rules are told of earlier rounds, over whole runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tiny

from alframe.cycle import Plan
from alframe.pool import Ledger
from alframe.run import run
from alframe.stopping import StoppingRule
from alframe.storage import Journal, load_arrays, load_record, open_database
from alframe.strategy import Random, Strategy
from alframe.types import CurvePoint, PoolView, Predictions, Progress, Query, Selection


class Listener(Strategy):
    """Chooses the first samples and keeps what it was shown."""

    needs = frozenset({"history"})
    uses_labelled = True

    def __init__(self) -> None:
        self.seen: list[tuple[Predictions, Predictions | None]] = []

    def _choose(
        self, unlabelled: Predictions, budget: int, labelled: Predictions | None, _rng: np.random.Generator, /
    ) -> Selection:
        self.seen.append((unlabelled, labelled))
        return Selection(np.arange(budget), np.arange(budget, 0, -1.0))


class Observer(StoppingRule):
    """Keeps the progress that it was shown, and stops when ``stop`` says so."""

    needs = frozenset({"probs"})

    def __init__(self, stop: Any = lambda _: False, limit: float = np.inf) -> None:
        self.seen: list[Progress] = []
        self.stop, self.limit = stop, limit

    def reason(self, progress: Progress) -> str | None:
        self.seen.append(progress)
        return "enough" if self.stop(progress) else None

    def allows(self, progress: Progress) -> float:
        return self.limit - progress.labels


def start(folder: Path, **changes: Any) -> Path:
    run(tiny.parts(**({"cycle": Plan(initial=6, batch=4, rounds=3)} | changes)), folder, tiny.CONFIG)
    return folder


def points(folder: Path) -> list[CurvePoint]:
    return [load_record(path, CurvePoint) for path in sorted(folder.glob("round-*/evaluation.json"))]


def test_history_is_what_each_earlier_learner_predicted(tmp_path: Path) -> None:
    """Columns are the views of the rounds before; a sample has none from the round on in which it was labelled."""
    listener = Listener()
    folder = start(tmp_path, strategy=listener)
    views = [load_arrays(path, PoolView) for path in sorted(folder.glob("round-*/view.npz"))]
    assert [view.round for view in views] == [1, 2, 3]
    for column, (unlabelled, labelled) in enumerate(listener.seen):
        for known in (unlabelled, labelled):
            assert known is not None
            assert known.history is not None
            assert known.history.shape == (len(known), column)
            for view, classes in zip(views, known.history.T, strict=False):
                given = dict(zip(view.ids.tolist(), view.classes.tolist(), strict=True))
                assert classes.tolist() == [given.get(name, -1) for name in known.ids.tolist()]
    unlabelled, labelled = listener.seen[2]
    assert labelled is not None
    assert -1 not in np.asarray(unlabelled.history)
    assert -1 in np.asarray(labelled.history)


def test_labels_and_costs_come_with_the_samples(tmp_path: Path) -> None:
    """Labels are those of the ledger, costs those of the source; the unlabelled have no labels."""
    source = tiny.Bars()
    source.table.costs[:] = np.arange(60)
    listener = Listener()
    folder = start(tmp_path, data=source, strategy=listener)
    given = Ledger(open_database(f"sqlite:///{folder / 'run.sqlite'}")).current()
    for unlabelled, labelled in listener.seen:
        assert labelled is not None
        assert labelled.labels is not None
        assert labelled.labels.tolist() == [given[name].label for name in labelled.ids.tolist()]
        assert unlabelled.labels is None
        for known in (unlabelled, labelled):
            assert known.costs is not None
            assert known.costs.tolist() == [float(name.removeprefix("bars/")) for name in known.ids.tolist()]


def test_a_rule_is_asked_before_people_are_and_after_each_evaluation(tmp_path: Path) -> None:
    """It sees the curve, the views, the best score of the query at hand, and what the labels cost."""
    source = tiny.Bars()
    source.table.costs[:] = 2.0
    rule = Observer()
    start(tmp_path, data=source, strategy=Listener(), stopping=rule)
    told = [(len(at.curve), len(at.views), at.gain, at.labels, at.cost) for at in rule.seen]
    assert told == [
        (0, 0, None, 0, 0.0),
        (1, 0, None, 6, 12.0),
        (1, 1, 4.0, 6, 12.0),
        (2, 1, None, 10, 20.0),
        (2, 2, 4.0, 10, 20.0),
        (3, 2, None, 14, 28.0),
        (3, 3, 4.0, 14, 28.0),
        (4, 3, None, 18, 36.0),
    ]


def test_a_run_that_is_stopped_before_a_query_bothers_nobody(tmp_path: Path) -> None:
    """The query is on file, nothing is asked, and the same command ends at the same place."""
    for _ in range(2):
        folder = start(tmp_path, strategy=Random(), stopping=Observer(lambda at: len(at.views) == 2))
        journal = Journal(open_database(f"sqlite:///{folder / 'run.sqlite'}"), folder)
        steps = [entry.step for entry in journal.entries() if entry.round == 2]
        assert steps == ["begin", "predict", "view", "query"]
        assert [point.labels for point in points(folder)] == [6, 10]
        assert load_record(folder / "round-002/query.json", Query).round == 2


def test_a_rule_may_cut_the_last_batch(tmp_path: Path) -> None:
    """The batch is as large as the rule allows."""
    rule = Observer(lambda at: at.labels >= 9, limit=9)
    assert [point.labels for point in points(start(tmp_path, stopping=rule))] == [6, 9]


def test_nothing_is_remembered_that_nobody_reads(tmp_path: Path) -> None:
    """Without a need for history or views there is no view, and a random strategy costs no pass."""
    folder = start(tmp_path, strategy=Random())
    assert not list(folder.glob("round-*/view.npz"))
