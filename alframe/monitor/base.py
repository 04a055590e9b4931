"""What every monitor is."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from alframe.types import Drift, Need, Predictions


class Monitor(ABC):
    """Compares a window of samples with a reference, both seen through the same model.

    Its level is the share of windows without drift that it reports all the same, if each window is compared once:
    comparing a growing window again and again finds drift sooner or later.

    Attributes:
        name: what it calls itself in reports.
        needs: what it reads of the predictions.
        least_p_value: the smallest that it can give.
    """

    name: str
    needs: frozenset[Need]
    least_p_value: float = 0.0

    @abstractmethod
    def compare(self, reference: Predictions, window: Predictions, rng: np.random.Generator) -> Drift:
        """How far the window is from the reference; with too few samples of either, no drift.

        Args:
            reference: (N,) samples of what the model was made for.
            window: (M,) samples that came since.
            rng: of permutations and splits.

        Raises:
            InvalidInput: what it needs was not predicted.
        """
