"""What a learner did on each of a set of samples, so that learners can be compared on the same ones."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from alframe.types.arrays import Floats, Ids, Positions
from alframe.types.evaluation import Task

GateMetric = Literal[
    "accuracy",
    "log_likelihood",
    "balanced_accuracy",
    "macro_f1",
    "average_precision_50",
    "found",
    "mean_iou",
    "mean_dice",
    "pixel_accuracy",
]

GATE_METRICS: Mapping[Task, tuple[GateMetric, ...]] = {
    "classification": ("accuracy", "log_likelihood", "balanced_accuracy", "macro_f1"),
    "detection": ("average_precision_50", "found"),
    "segmentation": ("mean_iou", "mean_dice", "pixel_accuracy"),
}
"""What outcomes of a task can be compared by; higher is better for each, and the first says most."""


class Outcomes(ABC):
    """A learner on ``N`` samples, sample by sample.

    Attributes:
        task: what the learner does.
        ids: (N,) sample ids.
        groups: (N,) slice names, empty where there is none.
        classes: the names of the classes.
        seconds: what one sample took, in seconds, measured while these were computed.
    """

    task: ClassVar[Task]
    ids: Ids
    groups: NDArray[np.str_]
    classes: tuple[str, ...]
    seconds: float

    def __len__(self) -> int:
        return len(self.ids)

    @abstractmethod
    def values(self, metric: GateMetric, counts: Floats) -> Floats:
        """The metric of B samples drawn from these N with replacement, (B, N) -> (B,).

        Args:
            metric: one of ``GATE_METRICS`` for the task.
            counts: how often each sample was drawn; all ones for the samples as they are.

        Returns:
            NaN where the metric is undefined, as without any sample.
        """

    def value(self, metric: GateMetric, rows: Positions | None = None) -> float:
        """The metric over the samples in ``rows``, which may repeat; over all of them if ``None``."""
        counts = np.ones(len(self)) if rows is None else np.bincount(rows, minlength=len(self)).astype(np.float64)
        return float(self.values(metric, counts[np.newaxis])[0])

    @abstractmethod
    def by_class(self) -> tuple[float | None, ...]:
        """How well each class is found, as the task's evaluation has it; ``None`` for a class without samples."""

    def by_group(self, metric: GateMetric) -> dict[str, float]:
        """The metric among the samples of each slice that has a name."""
        names = np.unique(self.groups[self.groups != ""]).tolist()
        return {name: self.value(metric, np.flatnonzero(self.groups == name)) for name in names}

    @abstractmethod
    def calibration_error(self) -> float | None:
        """Expected calibration error, in [0, 1]; ``None`` where it is not defined for the task."""


@dataclass(frozen=True)
class Estimate:
    """A figure computed from samples, and how far others like them would have it lie elsewhere.

    Attributes:
        value: the figure.
        low: lower end of its confidence interval; NaN where there is none.
        high: upper end.
        standard_error: of the figure.
    """

    value: float
    low: float
    high: float
    standard_error: float
