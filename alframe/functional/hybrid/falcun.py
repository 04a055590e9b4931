"""Unsure and unlike what was chosen, both told from the probabilities alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from alframe.errors import InvalidInput
from alframe.functional.blocks import row_blocks
from alframe.functional.checks import check_budget, check_probs
from alframe.functional.spread import draw
from alframe.functional.uncertainty import margin
from alframe.types import Positions


def falcun(probs: NDArray[Any], budget: int, *, gamma: float = 10.0, rng: np.random.Generator) -> Positions:
    """Draw by uncertainty plus distance to the choices, to the power ``gamma``, (N, C) -> positions (K,), all distinct.

    Uncertainty is that of ``margin``. Distance is the smallest city-block distance from the sample's distribution to
    those chosen; before the first choice the uncertainty stands in for it, and after each it is stretched to [0, 1].
    ``gamma`` zero is random sampling, and a large one takes the highest sum; where all sums are zero, chance decides.

    >>> probs = np.array([[1.0, 0.0], [0.5, 0.5], [0.5, 0.5]])
    >>> sorted(falcun(probs, 2, gamma=1000, rng=np.random.default_rng(0)).tolist())
    [1, 2]

    Raises:
        InvalidInput: ``probs`` are not (N, C) probabilities; a budget under one; a negative ``gamma``.
        PoolExhausted: a budget larger than N.

    Source: Gilhuber et al., "FALCUN: a simple and efficient deep active learning strategy", ECML PKDD 2024.
    """
    probs = check_probs(probs)
    budget = check_budget(budget, available=len(probs))
    if not 0 <= gamma < np.inf:
        raise InvalidInput(f"gamma must be a finite number that is not negative, got {gamma}")
    unsure = margin(probs)
    distance = unsure.copy()
    positions: list[int] = []
    while True:
        relevance = unsure + distance
        relevance[positions] = 0
        # Divided by the highest, so that no power overflows.
        chances = (relevance / (relevance.max() or 1.0)) ** gamma
        chances[positions] = 0
        if not chances.any():
            chances[:] = 1
            chances[positions] = 0
        positions.append(draw(chances, rng))
        if len(positions) == budget:
            return np.array(positions, dtype=np.int64)
        _approach(distance, probs, probs[positions[-1]])


def _approach(distance: NDArray[np.float64], probs: NDArray[Any], chosen: NDArray[Any]) -> None:
    """Lower ``distance`` to that from ``chosen`` where it is nearer, and stretch all to [0, 1]; in place."""
    for block in row_blocks(len(probs), probs.shape[1]):
        from_chosen = cdist(probs[block], chosen[np.newaxis], "cityblock")[:, 0]
        np.minimum(distance[block], from_chosen, out=distance[block])
    distance -= distance.min()
    distance /= distance.max() or 1.0
