"""Triggers that see the champion get worse, its data change, or its learning stand still."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

from alframe.errors import ConfigurationError
from alframe.trigger.base import Signals, Trigger
from alframe.types import Cause, Drift


class MetricDrop(Trigger):
    """Fires when a metric in production is worse than it should be, on average over its last values.

    Args:
        metric: by the name under which it is measured.
        by: how much worse it has to be, in the metric's unit.
        reference: what it should be; ``None`` for what the champion's evaluation says under the same name.
        values: the mean is of so many, and until there are as many it does not fire.
        worse: whether the metric gets ``lower`` or ``higher`` when things get worse.
    """

    name = "metric_drop"

    def __init__(
        self,
        *,
        metric: str = "accuracy",
        by: float = 0.02,
        reference: float | None = None,
        values: int = 10,
        worse: Literal["lower", "higher"] = "lower",
    ) -> None:
        if not 0 < by < math.inf:
            raise ConfigurationError(f"by must be positive and finite, got {by}")
        if values < 1:
            raise ConfigurationError(f"values must be at least 1, got {values}")
        self._metric, self._by, self._reference, self._values = metric, by, reference, values
        self._sign = 1 if worse == "lower" else -1

    def evaluate(self, signals: Signals) -> Cause:
        """Whether the mean is too far on the wrong side of the reference."""
        values = signals.metrics.get(self._metric, ())
        expected = self._expected(signals)
        if len(values) < self._values or expected is None:
            missing = "a reference" if expected is None else f"{self._values - len(values)} values"
            inputs = {"values": len(values), "reference": expected}
            return Cause(self.name, False, f"{self._metric}: {missing} missing for a comparison", inputs)
        mean = float(np.mean(values[-self._values :]))
        drop = self._sign * (expected - mean)
        held = f"{self._metric} is {mean:.4g} over the last {self._values} values and should be {expected:.4g}"
        why = f"{held}: worse by {drop:.4g}, of {self._by:.4g}" if drop > 0 else f"{held}: no worse"
        inputs = {"mean": mean, "reference": expected, "by": self._by}
        return Cause(self.name, drop >= self._by, why, inputs, seen=len(values))

    def _expected(self, signals: Signals) -> float | None:
        if self._reference is not None or signals.champion is None:
            return self._reference
        return signals.champion.evaluation.metrics.get(self._metric)


class MetricShift(Trigger):
    """Fires when a detector has noticed a change in a metric since the last cycle began.

    Args:
        metric: by the name under which it is measured in production.
        detector: gives the index of each alarm in a series, such as ``alframe.monitor.Adwin``.
    """

    name = "metric_shift"

    def __init__(self, *, metric: str = "accuracy", detector: Callable[[Sequence[float]], Sequence[int]]) -> None:
        self._metric, self._detector = metric, detector

    def evaluate(self, signals: Signals) -> Cause:
        """The alarms, if there were some."""
        values = signals.metrics.get(self._metric, ())
        alarms = self._detector(values)
        kind = type(self._detector).__name__
        why = f"{kind} raised {len(alarms)} alarms in {len(values)} values of {self._metric}"
        if alarms:
            why += f", the last at value {alarms[-1] + 1}"
        figures: dict[str, int | float | str | None] = {"alarms": len(alarms), "values": len(values), "detector": kind}
        return Cause(self.name, len(alarms) > 0, why, figures, seen=len(values))


class DriftFound(Trigger):
    """Fires when a monitor finds drift in what arrived.

    A monitor's level holds for each block of arrivals that is compared: of many blocks, one is called drift by chance
    sooner or later. ``Hysteresis`` asks for several blocks in a row.
    """

    name = "drift_found"
    reads_drift = True

    def evaluate(self, signals: Signals) -> Cause:
        """The monitors that did."""
        drifted = [drift for drift in signals.drift if drift.drifted]
        inputs = {drift.monitor: drift.statistic if drift.p_value is None else drift.p_value for drift in signals.drift}
        if drifted:
            why = "; ".join(_said(drift) for drift in drifted)
        else:
            why = f"{len(signals.drift)} monitors found no drift" if signals.drift else "no window was compared"
        seen = max((drift.end for drift in signals.drift if drift.end is not None), default=None)
        return Cause(self.name, bool(drifted), why, inputs, seen=seen)


class Stagnation(Trigger):
    """Fires when the learning curve has stood still: its best is hardly better than it was so many rounds ago.

    More labels of the same kind are then not worth their price. It fires again after a cycle that gained nothing
    either, so it is best one of ``AllOf``, with ``Arrivals``, ``DriftFound`` or ``Manual``: there is something new to
    learn from, and what was there is used up.

    Args:
        rounds: over so many.
        least_gain: of the evaluation's first metric, in its unit; less is standing still.
    """

    name = "stagnation"

    def __init__(self, *, rounds: int = 3, least_gain: float = 0.005) -> None:
        if rounds < 1:
            raise ConfigurationError(f"rounds must be at least 1, got {rounds}")
        if not 0 <= least_gain < math.inf:
            raise ConfigurationError(f"least_gain must be finite and not negative, got {least_gain}")
        self._rounds, self._least = rounds, least_gain

    def evaluate(self, signals: Signals) -> Cause:
        """Whether the best of the last rounds gained too little on the best before them."""
        values = [next(iter(point.evaluation.metrics.values())) for point in signals.curve]
        if len(values) <= self._rounds:
            why = f"{len(values)} rounds are too few to see whether {self._rounds} gained anything"
            return Cause(self.name, False, why, {"rounds": len(values)})
        gain = max(values[-self._rounds :]) - max(values[: -self._rounds])
        metric = next(iter(signals.curve[-1].evaluation.metrics))
        why = f"{metric} gained {gain:.4g} in the last {self._rounds} rounds; less than {self._least:g} stands still"
        return Cause(self.name, gain < self._least, why, {"gain": gain, "least_gain": self._least})


def _said(drift: Drift) -> str:
    reached = f"{drift.statistic:.4g}" if drift.p_value is None else f"p = {drift.p_value:.2g}"
    return f"{drift.monitor} found drift in {drift.samples[1]} samples ({reached}, limit {drift.threshold:g})"
