"""Shortlist, then choose."""

from __future__ import annotations

from math import ceil, inf

import numpy as np

from alframe.errors import ConfigurationError
from alframe.strategy.base import Strategy
from alframe.strategy.composition.base import Composition, choose_among
from alframe.types import Predictions, Selection


class TwoStage(Composition):
    """One strategy makes a shortlist and another chooses from it: uncertain first, then diverse (Wei et al. 2015).

    Args:
        shortlist: chooses ``factor`` times as many as are wanted.
        choose: chooses among those.
        factor: how much longer the shortlist is than the batch, at least 1.
    """

    def __init__(self, *, shortlist: Strategy, choose: Strategy, factor: float = 10.0) -> None:
        super().__init__(shortlist, choose)
        if not 1 <= factor < inf:
            raise ConfigurationError(f"factor must be finite and at least 1, got {factor}")
        self._shortlist, self._choose_from, self._factor = shortlist, choose, factor

    def _choose(
        self, unlabelled: Predictions, budget: int, labelled: Predictions | None, rng: np.random.Generator, /
    ) -> Selection:
        length = min(ceil(self._factor * budget), len(unlabelled))
        everything = np.arange(len(unlabelled))
        shortlist = choose_among(self._shortlist, unlabelled, everything, length, labelled, rng).positions
        return choose_among(self._choose_from, unlabelled, shortlist, budget, labelled, rng)
