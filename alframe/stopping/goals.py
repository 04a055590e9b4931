"""Rules that stop when something that was agreed beforehand is reached."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from alframe.errors import ConfigurationError
from alframe.stopping.base import StoppingRule
from alframe.types import Progress, Task

Metric = Literal[
    "accuracy",
    "nll",
    "calibration_error",
    "average_precision_50",
    "average_precision",
    "average_recall",
    "mean_iou",
    "mean_dice",
    "pixel_accuracy",
]

MEASURED: Mapping[Task, tuple[Metric, ...]] = {
    "classification": ("accuracy", "nll", "calibration_error"),
    "detection": ("average_precision_50", "average_precision", "average_recall"),
    "segmentation": ("mean_iou", "mean_dice", "pixel_accuracy"),
}
"""What the evaluations of a task measure, by the names of their ``metrics``."""

ERRORS: frozenset[Metric] = frozenset({"nll", "calibration_error"})
"""What is better the lower it is."""


class TargetMetric(StoppingRule):
    """Stops when the learner is good enough on the test samples.

    Args:
        metric: of the learner's evaluations; ``nll`` and ``calibration_error`` have to reach ``value`` from above, the
            others from below.
        value: in the metric's unit.
    """

    def __init__(self, *, metric: Metric = "accuracy", value: float = 0.95) -> None:
        if not 0 < value < math.inf or (metric != "nll" and value > 1):
            raise ConfigurationError(f"value={value} is no {metric} to reach")
        self._metric: Metric = metric
        self._value = value

    def check(self, task: Task) -> None:
        """Refuse a task whose evaluations do not measure the metric."""
        if self._metric not in MEASURED[task]:
            raise ConfigurationError(
                f"the stopping rule waits for {self._metric}, and an evaluation of {task} measures "
                f"{', '.join(MEASURED[task])}: set the rule's metric to one of these"
            )

    def reason(self, progress: Progress) -> str | None:
        """Whether the latest evaluation has reached the value."""
        if not progress.curve:
            return None
        reached = progress.curve[-1].evaluation.metrics[self._metric]
        missing = reached - self._value if self._metric in ERRORS else self._value - reached
        if missing > 0:
            return None
        return f"the target is reached: test {self._metric.replace('_', ' ')} {reached:.4g}, wanted {self._value:g}"


class LabelBudget(StoppingRule):
    """Stops when as many labels as there should be have been given, or paid for.

    The last query asks for no more labels than are left. Costs are known when they are paid: the last query may exceed
    theirs, unless the strategy keeps to a ``cost_budget`` of its own.

    Args:
        labels: how many samples should have one; all objects of an image are one label; ``None`` for no limit.
        cost: what all may cost, in the unit of the samples' costs; ``None`` for no limit.
    """

    def __init__(self, *, labels: int | None = None, cost: float | None = None) -> None:
        if labels is None and cost is None:
            raise ConfigurationError("a label budget needs a limit: set labels or cost")
        for name, limit in (("labels", labels), ("cost", cost)):
            if limit is not None and not 0 < limit < math.inf:
                raise ConfigurationError(f"{name} must be null, or positive and finite, got {limit}")
        self._labels, self._cost = labels, cost

    def reason(self, progress: Progress) -> str | None:
        """Whether one of the limits is reached."""
        if self._labels is not None and progress.labels >= self._labels:
            return f"the label budget is spent: {progress.labels} labels of {self._labels}"
        if self._cost is not None and progress.cost >= self._cost:
            return f"the label budget is spent: a cost of {progress.cost:g} of {self._cost:g}"
        return None

    def allows(self, progress: Progress) -> float:
        """How many labels the budget has left."""
        return math.inf if self._labels is None else max(0, self._labels - progress.labels)
