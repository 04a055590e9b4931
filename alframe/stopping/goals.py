"""Rules that stop when something that was agreed beforehand is reached."""

from __future__ import annotations

import math
from typing import Literal

from alframe.errors import ConfigurationError
from alframe.stopping.base import StoppingRule
from alframe.types import Progress

Metric = Literal["accuracy", "nll", "calibration_error"]


class TargetMetric(StoppingRule):
    """Stops when the learner is good enough on the test samples.

    Args:
        metric: of the evaluation; an accuracy has to reach ``value`` from below, the others from above.
        value: in the metric's unit.
    """

    def __init__(self, *, metric: Metric = "accuracy", value: float = 0.95) -> None:
        if not 0 < value < math.inf or (metric != "nll" and value > 1):
            raise ConfigurationError(f"value={value} is no {metric} to reach")
        self._metric, self._value = metric, value

    def reason(self, progress: Progress) -> str | None:
        """Whether the latest evaluation has reached the value."""
        if not progress.curve:
            return None
        reached = float(getattr(progress.curve[-1].evaluation, self._metric))
        missing = self._value - reached if self._metric == "accuracy" else reached - self._value
        if missing > 0:
            return None
        return f"the target is reached: test {self._metric.replace('_', ' ')} {reached:.4g}, wanted {self._value:g}"


class LabelBudget(StoppingRule):
    """Stops when as many labels as there should be have been given, or paid for.

    The last query asks for no more labels than are left. Costs are known when they are paid: the last query may exceed
    theirs, unless the strategy keeps to a ``cost_budget`` of its own.

    Args:
        labels: how many there should be; ``None`` for no limit.
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
