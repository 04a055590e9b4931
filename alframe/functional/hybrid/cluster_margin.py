"""The least sure samples, a few from each of their clusters."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage

from alframe.errors import InvalidInput
from alframe.functional.checks import check_budget, check_paired
from alframe.functional.geometry.clustering import assign, centroids
from alframe.functional.uncertainty import margin
from alframe.types import Positions

LEAVES = 4096
"""Most points that are linked: their distances take 64 MiB. More are gathered to as many k-means cells first."""

BLOCK_ROWS = 256
"""Rows of distances that are computed at once: 8 MiB for the largest number of leaves."""


def cluster_margin(
    probs: NDArray[Any],
    embeddings: NDArray[Any],
    budget: int,
    *,
    factor: float = 10.0,
    threshold: float | None = None,
    rng: np.random.Generator,
) -> Positions:
    """Choose from clusters of the least sure, smallest cluster first, (N, C), (N, D) -> positions (K,), all distinct.

    The ``factor * K`` samples of smallest margin are clustered by average linkage of their embeddings, and the
    clusters take turns, in ascending size, to give one of their samples at random. The tree is cut where clusters are
    ``threshold`` apart, or into K clusters where none is given. The authors cluster the pool once and ask which
    clusters the unsure belong to; clustering the unsure alone needs no distances between all pairs, and follows the
    embeddings as they change from round to round. More than 4,096 unsure samples are first gathered to as many k-means
    cells, and the cells are linked.

    >>> probs = np.array([[0.5, 0.5], [0.5, 0.5], [0.5, 0.5], [1.0, 0.0]])
    >>> embeddings = np.array([[0.0], [0.1], [9.0], [20.0]])
    >>> cluster_margin(probs, embeddings, 2, factor=1.5, rng=np.random.default_rng(0)).tolist()
    [2, 0]

    Raises:
        InvalidInput: an array of another shape or with NaN; a budget or factor under one; a negative threshold.
        PoolExhausted: a budget larger than N.

    Source: Citovsky et al., "Batch active learning at scale", NeurIPS 2021.
    """
    probs, embeddings = check_paired(probs, embeddings)
    budget = check_budget(budget, available=len(probs))
    if not 1 <= factor < np.inf or (threshold is not None and not threshold >= 0):
        raise InvalidInput(f"factor must be at least 1 and threshold not negative, got {factor} and {threshold}")
    unsure = np.argsort(-margin(probs), kind="stable")[: max(budget, round(factor * budget))]
    shuffled = rng.permutation(unsure)
    cluster = _average_linkage(embeddings[shuffled], budget, threshold, rng)
    # A sample's turn is how many of its cluster come before it; by turn, the smaller cluster gives first.
    order = np.argsort(cluster, kind="stable")
    sizes = np.bincount(cluster)
    turn = np.empty(len(cluster), dtype=np.int64)
    turn[order] = np.arange(len(cluster)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return shuffled[np.lexsort((cluster, sizes[cluster], turn))[:budget]]


def _average_linkage(
    points: NDArray[Any], clusters: int, threshold: float | None, rng: np.random.Generator
) -> NDArray[np.int64]:
    """The cluster of each point, (N, D) -> (N,), numbered from zero."""
    if len(points) > LEAVES:
        cells = centroids(points, LEAVES, rng=rng)
        return np.asarray(_average_linkage(cells, clusters, threshold, rng)[assign(points, cells)])
    if len(points) == 1:
        return np.zeros(1, dtype=np.int64)
    tree = linkage(_condensed_distances(points), method="average")
    if threshold is None:
        return np.asarray(fcluster(tree, clusters, criterion="maxclust"), dtype=np.int64) - 1
    return np.asarray(fcluster(tree, threshold, criterion="distance"), dtype=np.int64) - 1


def _condensed_distances(points: NDArray[Any]) -> NDArray[np.float64]:
    """Distances of all pairs, first to last, in the order that SciPy links, (N, D) -> (N * (N - 1) / 2,)."""
    points = points.astype(np.float64)
    points -= points.mean(axis=0)
    squares = np.einsum("nd,nd->n", points, points)
    rows = []
    for start in range(0, len(points), BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        squared = squares[block, np.newaxis] + squares[start:] - 2 * (points[block] @ points[start:].T)
        distances = np.sqrt(np.maximum(squared, 0))
        rows += [row[1 + offset :] for offset, row in enumerate(distances)]
    return np.concatenate(rows)
