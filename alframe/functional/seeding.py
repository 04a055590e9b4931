"""Points that spread over the others at random: k-means++."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.functional.checks import check_budget, check_points, check_weights
from alframe.functional.geometry.distances import squared_distance_to_nearest
from alframe.functional.spread import draw, spread
from alframe.types import Positions


def k_means_plus_plus(
    points: NDArray[Any], budget: int, *, weights: NDArray[Any] | None = None, rng: np.random.Generator
) -> Positions:
    """Draw points by their squared distance to the nearest one drawn, (N, D) -> positions (K,), all distinct.

    Positions index ``points``, in the order drawn. The first draw is uniform, and the others have chances
    proportional to the squared distances. Where ``weights`` (N,) are given, every chance is multiplied by the
    point's weight, and weight zero is never drawn. When all that are left coincide with points drawn before,
    the weight alone counts.

    >>> points, rng = np.array([[0.0], [0.0], [10.0]]), np.random.default_rng(0)
    >>> sorted(k_means_plus_plus(points, 2, weights=np.array([1.0, 0.0, 1.0]), rng=rng).tolist())
    [0, 2]

    Raises:
        InvalidInput: points of another shape or with NaN; weights of another shape, negative or NaN; a budget
            under one.
        PoolExhausted: a budget larger than the number of points with a weight.

    Source: Arthur & Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007.
    """
    points = check_points(points)
    weights = np.ones(len(points)) if weights is None else check_weights(weights, len(points))
    budget = check_budget(budget, available=int(np.count_nonzero(weights)))
    return spread(
        budget,
        first=draw(weights, rng),
        squared_distances_from=lambda position: squared_distance_to_nearest(points, points[[position]]),
        weights=weights,
        rng=rng,
    )
