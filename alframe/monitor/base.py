"""What every monitor is."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from alframe.types import Drift, Need, Predictions


class Monitor(ABC):
    """Compares a window of samples with a reference, both seen through the same model.

    Attributes:
        needs: what it reads of the predictions.
    """

    needs: frozenset[Need]

    @abstractmethod
    def compare(self, reference: Predictions, window: Predictions, rng: np.random.Generator) -> Drift:
        """How far the window is from the reference.

        Args:
            reference: (N,) samples of what the model was made for.
            window: (M,) samples that came since.
            rng: of permutations and splits.
        """
