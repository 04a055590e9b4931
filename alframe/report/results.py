"""What one group of runs achieved: its curve, its area, and the labels it needs to reach targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alframe.functional.learning_curve import area_under_curve, labels_needed
from alframe.report.forgetting import Retention
from alframe.report.grouping import Group
from alframe.report.run_folder import RunFolder


@dataclass(frozen=True)
class Reach:
    """How a strategy reaches one target.

    Attributes:
        target: a value of the headline metric.
        labels: for each seed, the fewest labels at which it was measured; ``None`` where it never was.
        saving: share of labels saved against random choice, averaged over pairs of runs with the same seed, negative
            where random needs fewer; ``None`` without such pairs or when a run of one does not reach the target.
    """

    target: float
    labels: tuple[int | None, ...]
    saving: float | None

    @property
    def reached(self) -> int:
        """How many seeds reach the target."""
        return sum(labels is not None for labels in self.labels)

    @property
    def mean_labels(self) -> float | None:
        """Mean over seeds; ``None`` unless every seed reaches it: the lucky ones alone would flatter."""
        known = [labels for labels in self.labels if labels is not None]
        return float(np.mean(known)) if len(known) == len(self.labels) else None


@dataclass(frozen=True, eq=False)
class Result:
    """What one group of runs achieved, (R seeds, L numbers of labels).

    Attributes:
        group: the runs.
        labels: (L,) numbers of labels that each of its runs was measured at.
        values: (R, L) headline metric at these.
        area: (R,) its mean over the curve, on the numbers of labels that all groups share.
        final: (R,) the metric at the largest of those.
        reaches: one per target.
        retained: (R, 2) average forgetting and backward transfer over the source's groups, there; NaN where unknown.
    """

    group: Group
    labels: tuple[int, ...]
    values: NDArray[np.float64]
    area: NDArray[np.float64]
    final: NDArray[np.float64]
    reaches: tuple[Reach, ...]
    retained: NDArray[np.float64]

    @property
    def label(self) -> str:
        """The name of the group."""
        return self.group.label

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of its runs."""
        return tuple(run.seed for run in self.group.runs)


def result_of(group: Group, groups: Sequence[Group], shared: tuple[int, ...], targets: Sequence[float]) -> Result:
    """What ``group`` achieved; ``shared`` are the numbers of labels that all ``groups`` were measured at."""
    measured = [{point.labels for point in run.points} for run in group.runs]
    labels = tuple(sorted(set.intersection(*measured)))
    baseline = next((other for other in groups if other.label == group.baseline), None)
    return Result(
        group=group,
        labels=labels,
        values=np.array([values_at(run, labels) for run in group.runs]),
        area=np.array([area_under_curve(shared, values_at(run, shared)) for run in group.runs]),
        final=np.array([values_at(run, shared[-1:])[0] for run in group.runs]),
        reaches=tuple(
            Reach(target, tuple(_needed(run, target) for run in group.runs), _saving(group, baseline, target))
            for target in targets
        ),
        retained=np.array([_retained(run, shared[-1]) for run in group.runs]),
    )


def _retained(run: RunFolder, labels: int) -> tuple[float, float]:
    kept = Retention.of(run)
    row = [point.labels for point in kept.points].index(labels)
    return (kept.forgetting[row], kept.transfer[row]) if kept.of_groups else (np.nan, np.nan)


def _needed(run: RunFolder, target: float) -> int | None:
    return labels_needed(*run.curve, target)


def _saving(group: Group, baseline: Group | None, target: float) -> float | None:
    theirs = {run.seed: _needed(run, target) for run in baseline.runs} if baseline else {}
    pairs = [(_needed(run, target), theirs[run.seed]) for run in group.runs if run.seed in theirs]
    savings = [1 - ours / random for ours, random in pairs if ours is not None and random is not None]
    return float(np.mean(savings)) if savings and len(savings) == len(pairs) else None


def values_at(run: RunFolder, labels: Sequence[int]) -> list[float]:
    """The headline metric of a run at numbers of labels that it was measured at."""
    known = dict(zip(*run.curve, strict=True))
    return [known[number] for number in labels]
