"""Points that leave none far from a centre: greedy k-centre selection."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.functional.checks import check_budget, check_points
from alframe.functional.distances import squared_distance_to_nearest
from alframe.types import Positions

CHOSEN = -1.0
"""Below every squared distance, so that a chosen point stays the last choice when the radius reaches zero."""


def k_center_greedy(points: NDArray[Any], budget: int, centers: NDArray[Any] | None = None) -> Positions:
    """Choose the point farthest from all centres, K times, (N, D), (M, D) -> positions (K,), all distinct.

    Each choice becomes a centre. Positions index ``points``, in the order chosen; ties go to the lowest.
    Without centres (``None``, or M = 0) the first choice is the point farthest from the mean. The radius that
    K chosen points leave is at most twice the smallest that any K points can.

    >>> k_center_greedy(np.array([[0.0], [1.0], [5.0], [9.0]]), 2, centers=np.array([[9.0]])).tolist()
    [0, 2]

    Raises:
        InvalidInput: points or centres of another shape or with NaN; a budget under one.
        PoolExhausted: a budget larger than N.

    Source: Gonzalez, "Clustering to minimize the maximum intercluster distance", 1985; for active learning,
    Sener & Savarese, "Active learning for convolutional neural networks: a core-set approach", ICLR 2018.
    """
    points = check_points(points)
    budget = check_budget(budget, available=len(points))
    if centers is not None:
        centers = check_points(centers, "centers", width=points.shape[1])
    if centers is None or len(centers) == 0:
        mean = points.mean(axis=0, dtype=np.float64, keepdims=True)
        first = squared_distance_to_nearest(points, mean).argmax()
        nearest = np.full(len(points), np.inf)
    else:
        nearest = squared_distance_to_nearest(points, centers)
        first = nearest.argmax()

    positions = [int(first)]
    while len(positions) < budget:
        chosen = positions[-1]
        np.minimum(nearest, squared_distance_to_nearest(points, points[[chosen]]), out=nearest)
        nearest[chosen] = CHOSEN
        positions.append(int(nearest.argmax()))
    return np.array(positions, dtype=np.int64)
