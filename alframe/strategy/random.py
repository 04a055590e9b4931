"""The strategy that every other has to beat."""

from __future__ import annotations

import numpy as np

from alframe.strategy.base import Strategy
from alframe.types import Predictions, Selection


class Random(Strategy):
    """Draws uniformly without replacement."""

    def _choose(
        self, unlabelled: Predictions, budget: int, _labelled: Predictions | None, rng: np.random.Generator, /
    ) -> Selection:
        return Selection(rng.choice(len(unlabelled), size=budget, replace=False).astype(np.int64))
