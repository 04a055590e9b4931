"""One typical point from each cluster: what to label first, when there are few labels or none."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heapify, heappop, heappush
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from alframe.functional.blocks import row_blocks
from alframe.functional.checks import check_budget, check_points
from alframe.functional.geometry.clustering import assign, centroids
from alframe.functional.geometry.gram import ENTRIES, origin_and_scale, rounding_of_products, with_squares
from alframe.functional.geometry.neighbors import rough_neighbors
from alframe.types import Positions

MOST_CLUSTERS = 500
"""More are not made, however many samples are asked for; the authors' limit."""

SMALLEST_CLUSTER = 5
"""A cluster of fewer points has its turn after all others; the authors leave it out."""

NEIGHBORS = 20
"""Typicality is measured to so many neighbours, or to the whole cluster where it is smaller."""

SETTLED = 128
"""Most points of a cluster that float64 measures again at a time, where float32 cannot tell them apart."""


def typiclust(
    points: NDArray[Any], budget: int, centers: NDArray[Any] | None = None, *, rng: np.random.Generator
) -> Positions:
    """Choose the most typical point of each of min(M + K, 500) clusters, (N, D), (M, D) -> positions (K,), distinct.

    The clusters are those of k-means over ``points`` and ``centers``, the labelled points. Typicality is the inverse
    mean distance to the 20 nearest neighbours within the cluster. Always next is the cluster that holds fewest labelled
    and chosen points, the largest of those; clusters of under five points come after all others. Positions index
    ``points``, in the order chosen; ties go to the lowest.

    >>> points = np.array([[0.0], [1.0], [2.0], [3.0], [4.0], [90.0], [91.0], [92.0], [93.0], [94.0], [95.5]])
    >>> typiclust(points, 1, centers=np.array([[92.0]]), rng=np.random.default_rng(0)).tolist()
    [2]

    Raises:
        InvalidInput: points or centres of another shape or with NaN; a budget under one.
        PoolExhausted: a budget larger than N.

    Source: Hacohen, Dekel & Weinshall, "Active learning on a budget: opposite strategies suit high and low budgets",
    ICML 2022 (TPC_RP).
    """
    points = check_points(points)
    budget = check_budget(budget, available=len(points))
    everything = points
    if centers is not None and len(check_points(centers, "centers", width=points.shape[1])):
        everything = np.concatenate([points, centers])
    labelled = len(everything) - len(points)

    cluster = assign(everything, centroids(everything, min(labelled + budget, MOST_CLUSTERS), rng=rng))
    groups = np.split(np.argsort(cluster, kind="stable"), np.cumsum(np.bincount(cluster))[:-1])
    # Where points coincide, k-means may leave clusters empty.
    by_cluster = [members for members in groups if len(members)]
    turns = [
        (len(members) < SMALLEST_CLUSTER, int((members >= len(points)).sum()), -len(members), label)
        for label, members in enumerate(by_cluster)
    ]
    heapify(turns)
    most_typical = [_most_typical_first(everything, members, len(points)) for members in by_cluster]
    positions: list[int] = []
    while len(positions) < budget:
        small, taken, size, label = heappop(turns)
        position = next(most_typical[label], None)
        if position is not None:
            positions.append(position)
            heappush(turns, (small, taken + 1, size, label))
    return np.array(positions, dtype=np.int64)


def _most_typical_first(everything: NDArray[Any], members: Positions, pool: int) -> Iterator[int]:
    """Those ``members`` of a cluster that are in the pool, the first ``pool`` of everything.

    Float32 bounds the mean distance of each to its neighbours; float64 measures those that may be the smallest.
    """
    points, left = everything[members], np.flatnonzero(members < pool)
    count = min(NEIGHBORS, len(members) - 1)
    low, high = _bounds_of_mean_distance(points, count)
    settled = np.zeros(len(members), dtype=bool)
    while len(left):
        doubtful = left[(low[left] <= high[left].min()) & ~settled[left]]
        if len(doubtful):
            doubtful = doubtful[np.argsort(low[doubtful], kind="stable")[:SETTLED]]
            low[doubtful] = high[doubtful] = _mean_distance(points, doubtful, count)
            settled[doubtful] = True
            continue
        best = left[high[left].argmin()]
        left = left[left != best]
        yield int(members[best])


def _bounds_of_mean_distance(points: NDArray[Any], count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What the mean distance of each point to its ``count`` nearest others is at least and at most."""
    origin, scale = origin_and_scale(points)
    rows = with_squares(origin, scale, points)
    squared = np.sort(rough_neighbors(rows, rows, count + 1)[1], axis=1)[:, 1:]  # without the point itself
    norms = -2 * rows[:, -2]
    slack = (rounding_of_products(points.shape[1]) * (norms + norms.max()))[:, np.newaxis]
    low = np.sqrt(np.maximum(squared - slack, 0)).sum(axis=1, dtype=np.float64)
    high = np.sqrt(np.maximum(squared, 0) + slack).sum(axis=1, dtype=np.float64)
    return low * scale / max(count, 1), high * scale / max(count, 1)


def _mean_distance(points: NDArray[Any], asked: Positions, count: int) -> NDArray[np.float64]:
    """The mean distance of the points at ``asked`` to their ``count`` nearest others, by direct subtraction."""
    if count == 0:
        return np.zeros(len(asked))
    exact, nearest = points[asked].astype(np.float64), np.full((len(asked), count), np.inf)
    for block in row_blocks(len(points), max(points.shape[1], len(asked)), ENTRIES):
        distances = cdist(exact, points[block].astype(np.float64))
        own = np.flatnonzero((block.start <= asked) & (asked < block.stop))
        distances[own, asked[own] - block.start] = np.inf
        nearest = np.partition(np.concatenate([nearest, distances], axis=1), count - 1, axis=1)[:, :count]
    return np.asarray(np.sort(nearest, axis=1).mean(axis=1))
