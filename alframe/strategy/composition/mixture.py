"""A share of the batch by another strategy."""

from __future__ import annotations

import numpy as np

from alframe.errors import ConfigurationError
from alframe.strategy.base import Strategy
from alframe.strategy.composition.base import Composition, choose_among
from alframe.strategy.random import Random
from alframe.types import Predictions, Selection


class Mixture(Composition):
    """Most of the batch by one strategy, then a share by another: random ones keep the labels honest.

    A part of a sample is drawn for, so that the share holds in the long run however small the batches are: with a
    batch of one and random choices this is epsilon-greedy (Sutton & Barto 1998).

    Args:
        inner: chooses first.
        other: chooses its share among what is left; ``None`` for a random choice.
        share: the part of the batch that is the other's, in [0, 1].
    """

    def __init__(self, *, inner: Strategy, other: Strategy | None = None, share: float = 0.1) -> None:
        self._inner, self._other, self._share = inner, other or Random(), share
        super().__init__(self._inner, self._other)
        if not 0 <= share <= 1:
            raise ConfigurationError(f"share must lie in [0, 1], got {share}")

    def _choose(
        self, unlabelled: Predictions, budget: int, labelled: Predictions | None, rng: np.random.Generator, /
    ) -> Selection:
        others = int(self._share * budget + rng.random())
        candidates, positions = np.arange(len(unlabelled)), np.empty(0, dtype=np.int64)
        for part, count in ((self._inner, budget - others), (self._other, others)):
            if count:
                left = np.setdiff1d(candidates, positions, assume_unique=True)
                chosen = choose_among(part, unlabelled, left, count, labelled, rng).positions
                positions = np.concatenate([positions, chosen])
        return Selection(positions)
