"""Points that stand for clusters: k-means, where some may count for more."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.functional.checks import check_budget, check_points, check_weights
from alframe.functional.geometry.clustering import centroids
from alframe.functional.geometry.distances import squared_distance_to_nearest
from alframe.functional.geometry.neighbors import nearest_neighbors
from alframe.types import Positions

NEAREST = 4
"""How many points are looked at for each centroid, before all are where other centroids took these."""


def k_means(
    points: NDArray[Any], budget: int, *, weights: NDArray[Any] | None = None, rng: np.random.Generator
) -> Positions:
    """For each of K clusters the point nearest to its centroid, (N, D) -> positions (K,), all distinct.

    Where ``weights`` (N,) are given, each centroid is the weighted mean of its points, and points of weight zero are
    left out. Where centroids share their nearest point, the later ones take the nearest that is left. The
    centroids are fitted to a random subset of 256 points a cluster where there are more.

    >>> points = np.array([[0.0], [1.0], [2.0], [100.0], [101.0], [102.0]])
    >>> sorted(k_means(points, 2, rng=np.random.default_rng(0)).tolist())
    [1, 4]

    Raises:
        InvalidInput: points of another shape or with NaN; weights of another shape, negative or NaN; a budget
            under one.
        PoolExhausted: a budget larger than the number of points with a weight.

    Source: Lloyd, "Least squares quantization in PCM", 1982; for active learning and with weights, Zhdanov,
    "Diverse mini-batch active learning", 2019.
    """
    points = check_points(points)
    if weights is None:
        budget = check_budget(budget, available=len(points))
        return _nearest_to(centroids(points, budget, rng=rng), points)
    weights = check_weights(weights, len(points))
    some = np.flatnonzero(weights)
    budget = check_budget(budget, available=len(some))
    return some[_nearest_to(centroids(points[some], budget, weights=weights[some], rng=rng), points[some])]


def _nearest_to(targets: NDArray[np.float64], points: NDArray[Any]) -> Positions:
    """The point nearest to each target in turn, of those that no earlier target took."""
    nearest, _ = nearest_neighbors(targets, points, min(NEAREST, len(points)))
    taken = np.zeros(len(points), dtype=bool)
    positions: list[int] = []
    for target, candidates in zip(targets, nearest, strict=True):
        free = candidates[~taken[candidates]]
        if len(free) == 0:
            distances = squared_distance_to_nearest(points, target[np.newaxis])
            distances[taken] = np.inf
            free = distances.argmin(axis=0, keepdims=True)
        taken[free[0]] = True
        positions.append(int(free[0]))
    return np.array(positions, dtype=np.int64)
