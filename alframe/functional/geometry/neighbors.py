"""Who is near whom: float32 finds the candidates, float64 settles them; nothing of size (N, N) is ever made."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from alframe.functional.blocks import blocks
from alframe.functional.geometry.gram import (
    ENTRIES,
    TILE,
    exchanged,
    origin_and_scale,
    rounding_of_products,
    with_squares,
)
from alframe.types import Positions

SPARE = 8
"""How many more neighbours float32 is asked for, so that float64 may put those at the border in order."""


def nearest_neighbors(queries: NDArray[Any], points: NDArray[Any], count: int) -> tuple[Positions, NDArray[np.float64]]:
    """The nearest points of each query, (Q, D), (N, D) -> positions into ``points`` (Q, count), distances (Q, count).

    Nearest first, ties to the lowest position; ``count`` at most N. All pairs are measured in float32, and the order
    is settled in float64, among ``SPARE`` more than were asked for.

    >>> nearest_neighbors(np.array([[0.0]]), np.array([[5.0], [1.0], [2.0]]), 2)
    (array([[1, 2]]), array([[1., 2.]]))
    """
    origin, scale = origin_and_scale(points)
    right = with_squares(origin, scale, points)
    left = right if queries is points else with_squares(origin, scale, queries)
    candidates, _ = rough_neighbors(left, right, min(count + SPARE, len(points)))
    positions = np.empty((len(queries), count), dtype=np.int64)
    distances = np.empty((len(queries), count))
    for block in blocks(len(queries), ENTRIES // (candidates.shape[1] * points.shape[1])):
        differences = points[candidates[block]].astype(np.float64)
        differences -= queries[block, np.newaxis]
        squared = np.einsum("qnd,qnd->qn", differences, differences)
        order = np.lexsort((candidates[block], squared), axis=-1)[:, :count]
        positions[block] = np.take_along_axis(candidates[block], order, axis=1)
        distances[block] = np.sqrt(np.take_along_axis(squared, order, axis=1))
    return positions, distances


def rough_neighbors(
    queries: NDArray[np.float32], points: NDArray[np.float32], count: int
) -> tuple[Positions, NDArray[np.float32]]:
    """The nearest points as float32 tells them, in no order, -> positions (Q, count), squared distances (Q, count).

    Both are laid out by ``with_squares``, (Q, D + 2) and (N, D + 2). A tile of products at a time; what is nearest so
    far competes with each tile.

    >>> points = with_squares(np.zeros(1), 1.0, np.array([[5.0], [1.0]]))
    >>> rough_neighbors(points[1:], points[:1], 1)
    (array([[0]]), array([[16.]], dtype=float32))
    """
    positions = np.zeros((len(queries), count), dtype=np.int64)
    closeness = np.full((len(queries), count), -np.inf, dtype=np.float32)
    for rows in blocks(len(queries), TILE):
        for columns in blocks(len(points), TILE):
            products = queries[rows] @ exchanged(points[columns]).T
            contest = np.concatenate([closeness[rows], products], axis=1)
            winners = np.argpartition(contest, -count, axis=1)[:, -count:]
            earlier = np.take_along_axis(positions[rows], np.minimum(winners, count - 1), axis=1)
            positions[rows] = np.where(winners < count, earlier, winners - count + columns.start)
            closeness[rows] = np.take_along_axis(contest, winners, axis=1)
    return positions, -2 * closeness


def within_radius(points: NDArray[Any], radius: float) -> sparse.csr_array:
    """Which points lie within ``radius`` of each other, themselves included, (N, D) -> sparse (N, N) of True.

    Each pair is measured once, in a tile of float32 products; those nearer to the radius than float32 can tell are
    measured again in float64, so that the edges are the ones that a float64 loop over all pairs would find. Memory is
    proportional to the edges.

    >>> within_radius(np.array([[0.0], [1.0], [3.0]]), 1.0).toarray().astype(int).tolist()
    [[1, 1, 0], [1, 1, 0], [0, 0, 1]]
    """
    origin, scale = origin_and_scale(points)
    left = with_squares(origin, scale, points)
    # No two points are so far apart, and the square of a larger radius might not be finite.
    limit = -(min(radius / scale, 4 * points.shape[1] ** 0.5) ** 2) / 2
    found = []
    for upper in blocks(len(points), TILE):
        right = exchanged(left[upper])
        for lower in blocks(upper.stop, TILE):
            products = left[lower] @ right.T
            # The squares are negative and halved: their lowest values bound the rounding in the whole tile.
            band = -rounding_of_products(points.shape[1]) * (left[lower, -2].min() + left[upper, -2].min())
            rows, columns = np.nonzero(products >= limit - band)
            within = products[rows, columns] >= limit + band
            rows, columns = rows + lower.start, columns + upper.start
            within[~within] = _within(points, rows[~within], columns[~within], radius)
            pairs = within & (rows < columns)
            found.append(np.stack([rows[pairs], columns[pairs]]).astype(np.int32))
    rows, columns = np.concatenate(found, axis=1)
    pairs = sparse.coo_array((np.ones(len(rows), dtype=bool), (rows, columns)), shape=(len(points), len(points)))
    return sparse.csr_array(pairs + pairs.T + sparse.eye_array(len(points), dtype=bool))


def _within(points: NDArray[Any], rows: Positions, columns: Positions, radius: float) -> NDArray[np.bool_]:
    """Whether pairs of points are within ``radius``, by direct subtraction."""
    within = np.empty(len(rows), dtype=bool)
    for block in blocks(len(rows), ENTRIES // points.shape[1]):
        differences = points[rows[block]].astype(np.float64) - points[columns[block]]
        within[block] = np.sqrt(np.einsum("nd,nd->n", differences, differences)) <= radius
    return within
