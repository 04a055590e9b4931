"""Points that spread over the others at random (k-means++) or stand for clusters of them (k-means)."""

from __future__ import annotations

from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional.checks import check_budget, check_points
from alframe.functional.distances import squared_distance_to_nearest
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
    weights = np.ones(len(points)) if weights is None else _check_weights(weights, len(points))
    budget = check_budget(budget, available=int(np.count_nonzero(weights)))
    return spread(
        budget,
        first=draw(weights, rng),
        squared_distances_from=lambda position: squared_distance_to_nearest(points, points[[position]]),
        weights=weights,
        rng=rng,
    )


def k_means(points: NDArray[Any], budget: int, *, rng: np.random.Generator) -> Positions:
    """For each of K clusters the point nearest to its centroid, (N, D) -> positions (K,), all distinct.

    Where centroids share their nearest point, the later ones take the nearest that is left. FAISS fits the
    centroids, to a random subset of 256 points a cluster where there are more.

    >>> points = np.array([[0.0], [1.0], [2.0], [100.0], [101.0], [102.0]])
    >>> sorted(k_means(points, 2, rng=np.random.default_rng(0)).tolist())
    [1, 4]

    Raises:
        InvalidInput: points of another shape or with NaN; a budget under one.
        PoolExhausted: a budget larger than N.

    Source: Lloyd, "Least squares quantization in PCM", 1982; for active learning, Zhdanov, "Diverse
    mini-batch active learning", 2019, without weights.
    """
    points = check_points(points)
    budget = check_budget(budget, available=len(points))
    # FAISS computes in float32: a common offset would eat the digits that tell the points apart.
    centred = (points - points.mean(axis=0, dtype=np.float64)).astype(np.float32)
    seed = int(rng.integers(2**31))
    clustering = faiss.Kmeans(centred.shape[1], budget, seed=seed, min_points_per_centroid=1)
    clustering.train(centred)

    positions: list[int] = []
    for centroid in np.asarray(clustering.centroids):
        distances = squared_distance_to_nearest(centred, centroid[np.newaxis])
        distances[positions] = np.inf
        positions.append(int(distances.argmin()))
    return np.array(positions, dtype=np.int64)


def _check_weights(weights: NDArray[Any], count: int) -> NDArray[np.float64]:
    weights = np.asarray(weights, dtype=np.float64)
    if weights.shape != (count,) or not np.isfinite(weights).all() or (weights < 0).any():
        raise InvalidInput(
            f"weights must be {count} finite numbers that are not negative, one per point; "
            f"got shape {weights.shape} with values {weights}"
        )
    return weights
