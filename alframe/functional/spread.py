"""k-means++ draws, whatever the geometry: each by its squared distance to the nearest one drawn."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from alframe.types import Positions


def spread(
    budget: int,
    *,
    first: int,
    squared_distances_from: Callable[[int], NDArray[np.float64]],
    weights: NDArray[np.float64],
    rng: np.random.Generator,
) -> Positions:
    """The k-means++ draws that follow ``first``, over any geometry, -> positions (K,), all distinct.

    ``squared_distances_from`` gives those from a position to all, (N,).

    >>> line, rng = np.array([0.0, 0.0, 1.0]), np.random.default_rng(0)
    >>> spread(2, first=2, squared_distances_from=lambda p: (line - line[p]) ** 2, weights=np.array([1, 0, 1]), rng=rng)
    array([2, 0])
    """
    positions = [first]
    nearest = np.full(len(weights), np.inf)
    while len(positions) < budget:
        np.minimum(nearest, squared_distances_from(positions[-1]), out=nearest)
        nearest[positions[-1]] = 0
        chances = weights * nearest
        if not chances.any():
            chances = weights.copy()
            chances[positions] = 0
        positions.append(draw(chances, rng))
    return np.array(positions, dtype=np.int64)


def draw(chances: NDArray[np.float64], rng: np.random.Generator) -> int:
    """One position, by ``chances`` (N,) that need not sum to one.

    >>> draw(np.array([0.0, 3.0]), np.random.default_rng(0))
    1
    """
    return int(rng.choice(len(chances), p=chances / chances.sum()))
