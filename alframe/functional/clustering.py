"""k-means by FAISS: centroids of points, and the centroid of each point."""

from __future__ import annotations

from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from alframe.functional.gram import origin_and_scale, seen_from
from alframe.types import Positions


def centroids(
    points: NDArray[Any], clusters: int, *, weights: NDArray[np.float64] | None = None, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Centroids of ``clusters`` clusters of ``points``, (N, D) -> (clusters, D), where N is no less.

    FAISS fits them by Lloyd's iterations from random points, to a random subset of 256 points a cluster where there
    are more. A point with weight w (N,) counts w times.

    >>> points = np.array([[0.0], [2.0], [100.0], [104.0]])
    >>> sorted(centroids(points, 2, rng=np.random.default_rng(0)).round(4).tolist())
    [[1.0], [102.0]]
    """
    # FAISS computes in float32: a common offset would eat the digits that tell the points apart.
    origin, scale = origin_and_scale(points)
    clustering = faiss.Kmeans(points.shape[1], clusters, seed=int(rng.integers(2**31)), min_points_per_centroid=1)
    shares = None if weights is None else (weights / weights.max()).astype(np.float32)
    clustering.train(seen_from(origin, scale, points), weights=shares)
    return np.asarray(clustering.centroids, dtype=np.float64) * scale + origin


def assign(points: NDArray[Any], centroids: NDArray[np.float64]) -> Positions:
    """The position of the centroid nearest to each point, (N, D), (clusters, D) -> (N,).

    >>> assign(np.array([[0.0], [9.0], [1.0]]), np.array([[0.0], [10.0]])).tolist()
    [0, 1, 0]
    """
    origin, scale = origin_and_scale(points)
    _, nearest = faiss.knn(seen_from(origin, scale, points), seen_from(origin, scale, centroids), 1)
    return np.asarray(nearest[:, 0], dtype=np.int64)
