"""Names and targets of metrics: none is missing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

from alframe.report import RunFolder
from alframe.report.metrics import METRICS, TARGETS, headline_metric
from alframe.types import Task


@pytest.mark.parametrize("task", get_args(Task))
def test_every_metric_of_every_task_has_a_name(make_run: Callable[..., Path], task: Task) -> None:
    """The headline metric is a share, has a name by class, and targets that it can reach."""
    (point,) = RunFolder.load(make_run(accuracies=(0.5,), task=task)).points
    assert set(point.evaluation.metrics) <= set(METRICS)
    headline = METRICS[headline_metric(point.evaluation)]
    assert headline.share
    assert headline.of_class
    assert all(0 < target < 1 for target in TARGETS[task])


def test_means_are_not_doubled() -> None:
    """The mean of a mean IoU over a curve is called the mean IoU over it."""
    assert METRICS["mean_iou"].mean == "mean IoU"
    assert METRICS["accuracy"].mean == "mean accuracy"
