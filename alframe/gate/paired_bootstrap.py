"""A gate that promotes a challenger when it is shown to be better on the same samples."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from alframe.data import Source
from alframe.errors import ConfigurationError
from alframe.gate.base import Gate, Trial
from alframe.gate.comparison import FEWEST, Rule
from alframe.gate.limits import Floors, Limits
from alframe.types import GATE_METRICS, Decision, GateMetric, Task, Verdict


class PairedBootstrap(Gate):
    """Promotes a challenger whose metric is higher than the champion's, as far as the gate samples can tell.

    The difference of the metric, challenger less champion, is computed on the same samples drawn with replacement again
    and again. If its interval lies above ``-margin`` the challenger is better, or with a margin: not worse by more than
    that. If it lies below, the challenger is worse. Else the gate cannot tell: the champion stays, and the decision
    says how many more samples would tell in four of five cases, if the difference is what it seems.

    Where there is no difference, half of what the interval leaves out is promoted: 2.5 % with a ``confidence`` of 0.95.
    That holds for one comparison; the gate samples are the same in every round, and who tries hundreds of challengers
    on them should raise ``confidence``.

    A challenger that is better has to keep to the limits besides; the first model has only these.

    Args:
        metric: what is compared; the first of the task's if ``None``. Higher is better for each.
        margin: how much worse a challenger may be and still be promoted; 0 if it has to be better.
        confidence: coverage of the two-sided interval, in (0, 1).
        resamples: how often the samples are drawn.
        class_floor: the least that each class has to reach, or each that is named: accuracy in the class, average
            precision at an overlap of 0.50, or IoU. ``None`` for no floor, here and below.
        class_drop: how much a class may lose against the champion.
        slice_floor: the least that the metric has to reach in each group of samples, or in each that is named.
        slice_drop: how much a group may lose against the champion.
        calibration_limit: the highest expected calibration error of a classifier.
        latency_limit: the most seconds that a sample may take, in batches.
        latency_ratio: how many times what the champion takes, measured just after.
    """

    def __init__(
        self,
        *,
        metric: GateMetric | None = None,
        margin: float = 0.0,
        confidence: float = 0.95,
        resamples: int = 9999,
        class_floor: Floors = None,
        class_drop: float | None = None,
        slice_floor: Floors = None,
        slice_drop: float | None = None,
        calibration_limit: float | None = None,
        latency_limit: float | None = None,
        latency_ratio: float | None = None,
    ) -> None:
        self._metric: GateMetric | None = metric
        self._rule = Rule(margin, confidence, resamples)
        self._limits = Limits(
            class_floor, class_drop, slice_floor, slice_drop, calibration_limit, latency_limit, latency_ratio
        )

    def check(self, task: Task, source: Source, samples: int) -> None:
        """Refuse too few gate samples, a metric that the task does not have, floors for what there is not."""
        if samples < FEWEST:
            raise ConfigurationError(
                f"the gate compares learners on held-out samples and cycle.gate is {samples}: hold at least {FEWEST} "
                "out when the run begins, as cycle.gate=200, or choose gate=open"
            )
        if self._metric is not None and self._metric not in GATE_METRICS[task]:
            raise ConfigurationError(f"a gate for {task} compares {', '.join(GATE_METRICS[task])}, not {self._metric}")
        if task != "classification" and self._limits.calibration is not None:
            raise ConfigurationError(f"no calibration error is defined for {task}: leave gate.calibration_limit null")
        self._limits.check(source)

    def decide(self, trial: Callable[[], Trial], rng: np.random.Generator) -> Decision:
        """Compare the two, and hold the challenger against the limits."""
        pair = trial()
        challenger, champion = pair.challenger, pair.champion
        metric = self._metric or GATE_METRICS[challenger.task][0]
        limits = self._limits.checks(metric, challenger, champion)
        failed = [check.note for check in limits if not check.passed]
        if champion is None:
            verdict: Verdict = "worse" if failed else "better"
            reason = "; ".join(["it is the first model", *failed])
            return Decision(verdict, not failed, reason, limits, len(challenger))
        compared = self._rule.judge(
            metric, partial(challenger.values, metric), partial(champion.values, metric), len(challenger), rng
        )
        better = compared.verdict == "better"
        reason = "; but ".join([compared.check.note, *(failed if better else ())])
        checks = (compared.check, *limits)
        return Decision(compared.verdict, better and not failed, reason, checks, len(challenger), compared.needed)
