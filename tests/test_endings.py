"""How runs end: when something is used up, reached, or beyond what may be paid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny

from alframe.cycle import Plan
from alframe.run import run
from alframe.stopping import LabelBudget, Never, StoppingRule, TargetMetric
from alframe.storage import load_record
from alframe.strategy import CostAware, Entropy, Random
from alframe.types import CurvePoint, Predictions, Selection


def start(folder: Path, **changes: Any) -> Path:
    run(tiny.parts(**changes), folder, tiny.CONFIG)
    return folder


def points(folder: Path) -> list[CurvePoint]:
    return [load_record(path, CurvePoint) for path in sorted(folder.glob("round-*/evaluation.json"))]


@pytest.mark.parametrize(
    ("plan", "stopping", "labels"),
    [
        (Plan(initial=30, batch=10, rounds=9), Never(), [30, 40, 45]),
        (Plan(initial=6, batch=4, rounds=0), Never(), [6]),
        (Plan(initial=20, batch=20, rounds=5, validation=10), Never(), [20, 35]),
        (Plan(initial=6, batch=4, rounds=9), LabelBudget(labels=12), [6, 10, 12]),
        (Plan(initial=6, batch=4, rounds=9), LabelBudget(cost=9.0), [6, 10]),
        (Plan(initial=6, batch=4, rounds=9), TargetMetric(value=0.01), [6]),
    ],
    ids=["pool", "rounds", "validation samples are never queried", "labels", "cost", "target"],
)
def test_a_run_ends_when_something_is_used_up_or_reached(
    tmp_path: Path, plan: Plan, stopping: StoppingRule, labels: list[int]
) -> None:
    """Pool, rounds, label budget and target each end a run, at exactly the right number of labels."""
    assert [point.labels for point in points(start(tmp_path, cycle=plan, stopping=stopping))] == labels


def test_a_run_that_can_afford_nothing_more_ends_with_its_report(tmp_path: Path) -> None:
    """When every sample that is left costs more than a batch may, that is an ending, and no error."""
    source = tiny.Bars()
    source.table.costs[np.flatnonzero(~source.table.held_out)[12:]] = 100.0
    frugal = CostAware(scorer=Entropy(), cost_budget=4.0)
    for _ in range(2):
        folder = start(
            tmp_path,
            data=source,
            strategy=frugal,
            cold_start=First(),
            cycle=Plan(initial=6, batch=4, rounds=5),
        )
        assert [point.labels for point in points(folder)] == [6, 10, 12]
        assert (folder / "report.html").is_file()


class First(Random):
    """The samples in table order."""

    def _choose(
        self, _unlabelled: Predictions, budget: int, _labelled: Predictions | None, _rng: np.random.Generator, /
    ) -> Selection:
        return Selection(np.arange(budget))
