"""A random part of a pool that is too large to look at whole."""

from __future__ import annotations

import numpy as np

from alframe.errors import ConfigurationError
from alframe.strategy.base import Strategy
from alframe.strategy.composition.base import Composition, choose_among
from alframe.types import Predictions, Selection


class Subsampled(Composition):
    """Chooses from a random part of the pool: cheaper, and a batch less alike (Beluch et al. 2018).

    Args:
        inner: chooses among the samples drawn.
        size: how many are drawn, or as many as are to be chosen, or all, where there are fewer.
    """

    def __init__(self, *, inner: Strategy, size: int = 10_000) -> None:
        super().__init__(inner)
        if size < 1:
            raise ConfigurationError(f"size must be at least 1, got {size}")
        self._inner, self._size = inner, size

    def _choose(
        self, unlabelled: Predictions, budget: int, labelled: Predictions | None, rng: np.random.Generator, /
    ) -> Selection:
        candidates, size = np.arange(len(unlabelled)), max(self._size, budget)
        if size < len(candidates):
            candidates = np.sort(rng.choice(len(candidates), size=size, replace=False))
        return choose_among(self._inner, unlabelled, candidates, budget, labelled, rng)
