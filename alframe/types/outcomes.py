"""What a learner did on each of a set of samples, so that learners can be compared on the same ones."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from alframe.types.arrays import Floats, Ids, Positions


class Outcomes(ABC):
    """A learner on ``N`` samples, sample by sample.

    Attributes:
        metrics: the metrics that there are, by name; higher is better for each; the first says most.
        ids: (N,) sample ids.
        groups: (N,) slice names, empty where there is none.
        classes: the names of the classes.
        seconds: what one sample took, in seconds, measured while these were computed.
    """

    metrics: tuple[str, ...]
    ids: Ids
    groups: NDArray[np.str_]
    classes: tuple[str, ...]
    seconds: float

    def __len__(self) -> int:
        return len(self.ids)

    @abstractmethod
    def value(self, metric: str, rows: Positions | None = None) -> float:
        """The metric over the samples in ``rows``, which may repeat; over all of them if ``None``.

        NaN where it is undefined, as without any sample.
        """

    @abstractmethod
    def scores(self, metric: str) -> Floats | None:
        """(N,) numbers whose mean over any rows is ``value`` over them; ``None`` for a metric that is no mean."""

    @abstractmethod
    def by_class(self) -> tuple[float | None, ...]:
        """The first of the metrics for each class; ``None`` for a class without samples."""

    @abstractmethod
    def calibration_error(self) -> float | None:
        """Expected calibration error, in [0, 1]; ``None`` where it is not defined for the task."""
