"""k-means: centroids of points, and the centroid of each point."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from alframe.functional.blocks import blocks
from alframe.functional.geometry.gram import TILE, exchanged, origin_and_scale, with_squares
from alframe.types import Positions

FITTED = 256
"""Points per cluster that the centroids are fitted to, drawn at random where there are more."""

SEEDED = 32
"""Points per cluster that the first centroids are drawn from."""

ITERATIONS = 25
"""Most passes over the points; there are fewer where no more than a point in a thousand changes its cluster."""


def centroids(
    points: NDArray[Any], clusters: int, *, weights: NDArray[np.float64] | None = None, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Centroids of ``clusters`` clusters of ``points``, (N, D) -> (clusters, D), where N is no less.

    Lloyd's iterations in float32, from points that k-means++ draws. A point with weight w > 0 (N,) counts w times.

    >>> points = np.array([[0.0], [2.0], [100.0], [104.0]])
    >>> sorted(centroids(points, 2, rng=np.random.default_rng(0)).round(4).tolist())
    [[1.0], [102.0]]

    Source: Lloyd, "Least squares quantization in PCM", 1982; Arthur & Vassilvitskii, "k-means++: the advantages of
    careful seeding", SODA 2007.
    """
    shares = np.ones(len(points)) if weights is None else weights / weights.max()
    if len(points) > FITTED * clusters:
        fitted = rng.choice(len(points), FITTED * clusters, replace=False)
        points, shares = points[fitted], shares[fitted]
    origin, scale = origin_and_scale(points)
    rows = with_squares(origin, scale, points)
    means, cluster = _first(rows, clusters, shares, rng)[:, :-2], np.full(len(rows), -1)
    for _ in range(ITERATIONS):
        before = cluster
        cluster, closeness = _nearest(rows, means)
        if np.count_nonzero(cluster != before) <= len(rows) // 1000:
            break
        means = _means(rows, cluster, clusters, shares)
        empty = np.flatnonzero(np.bincount(cluster, minlength=clusters) == 0)
        means[empty] = rows[np.argsort(closeness, kind="stable")[: len(empty)], :-2]
    return means.astype(np.float64) * scale + origin


def assign(points: NDArray[Any], centroids: NDArray[np.float64]) -> Positions:
    """The position of the centroid nearest to each point, (N, D), (clusters, D) -> (N,).

    >>> assign(np.array([[0.0], [9.0], [1.0]]), np.array([[0.0], [10.0]])).tolist()
    [0, 1, 0]
    """
    origin, scale = origin_and_scale(points)
    return _nearest(with_squares(origin, scale, points), (centroids - origin) / scale)[0]


def _first(rows: NDArray[Any], clusters: int, weights: NDArray[np.float64], rng: np.random.Generator) -> NDArray[Any]:
    """Rows that k-means++ draws among ``SEEDED`` a cluster: of several draws, each time the one that helps most."""
    if len(rows) > SEEDED * clusters:
        among = rng.choice(len(rows), SEEDED * clusters, replace=False)
        rows, weights = rows[among], weights[among]
    draws = 2 + int(np.log(clusters))
    nearest, drawn = np.ones((len(rows), 1)), list[int]()
    for _ in range(clusters):
        chances = np.cumsum(weights * nearest[:, 0]) if nearest.any() else np.cumsum(weights)
        candidates = np.searchsorted(chances, chances[-1] * rng.random(draws), side="right")
        squared = np.maximum(-2 * (rows @ exchanged(rows[candidates]).T), 0)
        if drawn:
            np.minimum(squared, nearest, out=squared)
        best = int((weights @ squared).argmin())
        nearest = squared[:, [best]]
        drawn.append(int(candidates[best]))
    return rows[drawn]


def _nearest(rows: NDArray[Any], means: NDArray[Any]) -> tuple[Positions, NDArray[np.float32]]:
    """The nearest mean of each row, and minus half its squared distance; ties go to the first."""
    right = exchanged(with_squares(np.zeros(means.shape[1]), 1.0, means)).T
    nearest, closeness = np.empty(len(rows), dtype=np.int64), np.empty(len(rows), dtype=np.float32)
    for block in blocks(len(rows), TILE):
        products = rows[block] @ right
        nearest[block] = products.argmax(axis=1)
        closeness[block] = np.take_along_axis(products, nearest[block, np.newaxis], axis=1)[:, 0]
    return nearest, closeness


def _means(rows: NDArray[Any], cluster: Positions, clusters: int, weights: NDArray[np.float64]) -> NDArray[np.float32]:
    """The weighted mean of each cluster's rows; zeros for one without rows."""
    totals = np.bincount(cluster, weights, minlength=clusters)
    shares = (weights / totals[cluster]).astype(np.float32)
    members = sparse.csr_array((shares, cluster, np.arange(len(rows) + 1)), shape=(len(rows), clusters))
    return np.asarray((members.T @ rows)[:, :-2])
