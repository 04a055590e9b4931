"""k-means++ draws of gradients by rejection: exact in distribution, with no pass over the pool for each.

The squared distance to the nearest one drawn only shrinks, so an old one is an upper bound. To propose by the old ones
and to accept with the ratio of new to old is to draw by the new ones (von Neumann 1951). Only what is proposed is
measured; when too much of it was rejected, one pass brings the bounds up to date.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alframe.functional.hybrid.gradients import Factors, Gradients, squared_distances
from alframe.types import Positions

BATCH = 64
"""Proposals that are measured at once."""

WASTE = 32
"""A pass over N gradients pays once N over this many proposals were rejected."""


def spread_by_rejection(gradients: Gradients, budget: int, rng: np.random.Generator) -> Positions:
    """Draw by squared distance to the nearest one drawn, the largest first, -> positions (K,), all distinct.

    >>> gradients = Gradients(np.full((3, 2), 0.5), np.array([[0.0], [3.0], [3.0]]))
    >>> spread_by_rejection(gradients, 2, np.random.default_rng(0)).tolist()
    [1, 0]
    """
    draws = _Draws(gradients, budget)
    while len(draws.chosen) < budget:
        if draws.wasted > max(BATCH, len(gradients) // WASTE):
            draws.refresh()
        if not draws.propose(rng):
            draws.fill(rng)
    return np.array(draws.chosen, dtype=np.int64)


class _Draws:
    def __init__(self, gradients: Gradients, budget: int) -> None:
        self.chosen = [gradients.largest()]
        self.wasted = 0
        self._gradients = gradients
        self._budget = budget
        self._centers = gradients.factors(np.array(self.chosen))
        self._applied = 0
        self._bound = gradients.bound_from(self.chosen[0])
        self._cumulative = self._bound.cumsum()

    def refresh(self) -> None:
        """Bring every bound up to date."""
        latest = self._gradients.factors(np.array(self.chosen[self._applied :]))
        np.minimum(self._bound, self._gradients.to_nearest(latest), out=self._bound)
        self._bound[self.chosen] = 0
        self._cumulative = self._bound.cumsum()
        self._applied = len(self.chosen)
        self.wasted = 0

    def propose(self, rng: np.random.Generator) -> bool:
        """Draw a batch by the bounds and keep what is accepted; ``False`` if no gradient is left to propose."""
        total = self._cumulative[-1]
        if total == 0:
            return False
        drawn = np.searchsorted(self._cumulative, total * rng.random(BATCH), side="right")
        proposed = np.minimum(drawn, len(self._bound) - 1)
        asked = rng.random(BATCH) * self._bound[proposed]
        factors = self._gradients.factors(proposed)
        accepted = self._accept(asked, squared_distances(factors, self._centers).min(axis=1), factors)
        self.chosen.extend(proposed[accepted].tolist())
        self._centers = self._gradients.factors(np.array(self.chosen))
        self.wasted += BATCH - len(accepted)
        return True

    def _accept(self, asked: NDArray[np.float64], nearest: NDArray[np.float64], factors: Factors) -> list[int]:
        """The proposals whose distance exceeds what is asked, one after the other: each shrinks that of the next."""
        among = squared_distances(factors, factors)
        accepted: list[int] = []
        for row in range(BATCH):
            if asked[row] < nearest[row] and len(self.chosen) + len(accepted) < self._budget:
                accepted.append(row)
                nearest = np.minimum(nearest, among[row])
        return accepted

    def fill(self, rng: np.random.Generator) -> None:
        """All that are left coincide with gradients drawn before: draw them with equal chances."""
        left = np.setdiff1d(np.arange(len(self._gradients)), self.chosen)
        self.chosen.extend(rng.choice(left, self._budget - len(self.chosen), replace=False).tolist())
