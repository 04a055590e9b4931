"""Coverage by a Gaussian kernel: each point is covered as much as it resembles what was chosen."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional.blocks import blocks
from alframe.functional.checks import check_budget, check_points, check_weights
from alframe.functional.coverage.radius import coverage_radius
from alframe.functional.geometry.gram import TILE, exchanged, with_squares
from alframe.functional.geometry.neighbors import nearest_neighbors
from alframe.functional.greedy import lazy_greedy
from alframe.types import Positions

ASKED = 64
"""How many gains are brought up to date at once: a wide kernel makes many of them stale together."""

TOLERANCE = 1e-3
"""Largest error of the kernel's exponent that float32 may make; where it would make more, float64 is used."""

ROUNDINGS = 4
"""Points so many roundings of the longest apart coincide: one direction, made of two vectors, comes out so."""


def max_herding(
    points: NDArray[Any],
    budget: int,
    centers: NDArray[Any] | None = None,
    *,
    weights: NDArray[Any] | None = None,
    bandwidth: float = 1.0,
) -> Positions:
    """Choose greedily what covers the pool best, (N, D), (M, D) -> positions (K,), all distinct.

    What is maximised is the sum over the pool, times ``weights`` (N,) where there are any, of each point's largest
    ``exp(-(distance / bandwidth) ** 2)`` to a chosen point or a centre. Weighted by uncertainty it is Uncertainty
    Herding. The default bandwidth is the one of the source, for points of unit length. Greedy choice reaches at least
    1 - 1/e of the best sum. Positions index ``points``, in the order chosen; ties go to the lowest. The time grows with
    the square of N, the memory with N: the kernel is computed in blocks and never kept.

    >>> points = np.array([[0.0], [0.5], [1.0], [9.0], [9.5]])
    >>> max_herding(points, 2).tolist()
    [1, 3]
    >>> max_herding(points, 1, weights=np.array([0.0, 0.0, 0.0, 0.1, 0.2])).tolist()
    [4]

    Raises:
        InvalidInput: points or centres of another shape or with NaN; weights of another shape, negative or NaN; a
            bandwidth that is not positive and finite; a budget under one.
        PoolExhausted: a budget larger than N.

    Source: Bae, Noh & Sutherland, "Generalized coverage for more robust low-budget active learning", ECCV 2024; with
    weights, Bae, Oliveira & Sutherland, "Uncertainty herding: one active learning method for all label budgets", ICLR
    2025.
    """
    points = check_points(points)
    budget = check_budget(budget, available=len(points))
    if not 0 < bandwidth < np.inf:
        raise InvalidInput(f"bandwidth must be positive and finite, got {bandwidth}")
    shares = np.ones(len(points)) if weights is None else check_weights(weights, len(points))
    centers = points[:0] if centers is None else check_points(centers, "centers", width=points.shape[1])

    origin = points.mean(axis=0, dtype=np.float64)
    reach = bandwidth / np.sqrt(2)
    dtype = _precision(points, origin, reach)
    left = with_squares(origin, reach, points, dtype)
    shares, covered = shares.astype(dtype), np.zeros(len(points), dtype=dtype)
    for block in blocks(len(centers), TILE):
        _cover(covered, left, exchanged(with_squares(origin, reach, centers[block], dtype)))

    def gains_of(positions: Positions) -> NDArray[np.float64]:
        right, gains = exchanged(left[positions]), np.zeros(len(positions))
        for rows in blocks(len(left), TILE):
            gains += shares[rows] @ _excess(_kernel(left[rows], right), covered[rows])
        return gains

    def choose(position: int) -> None:
        _cover(covered, left, exchanged(left[[position]]))

    first = _first_gains(left, covered, shares)
    return lazy_greedy(first, budget, gains_of=gains_of, choose=choose, block=ASKED)


def separation(points: NDArray[Any]) -> float:
    """The smallest distance between two points that do not coincide, (N, D) -> a distance; infinite if all do.

    The bandwidth of Uncertainty Herding, over the labelled points: the more of them there are, the less each covers.
    Points that only rounding tells apart coincide; near-duplicates beyond that do not, and make it small.

    >>> separation(np.array([[0.0], [5.0], [5.0], [7.0]]))
    2.0

    Raises:
        InvalidInput: points of another shape or with NaN.

    Source: Bae, Oliveira & Sutherland, "Uncertainty herding: one active learning method for all label budgets", ICLR
    2025, section 3.3.
    """
    distinct = np.unique(check_points(points), axis=0)
    lengths = np.sqrt(np.einsum("nd,nd->n", distinct, distinct, dtype=np.float64))
    rounding = ROUNDINGS * np.finfo(distinct.dtype).eps * lengths.max(initial=0)
    while len(distinct) > 1:
        positions, distances = nearest_neighbors(distinct, distinct, 2)
        apart = distances[:, 1] > rounding
        if apart.all():
            return float(distances[:, 1].min())
        # Of points that coincide the first stays: the last of them always has an earlier one beside it.
        distinct = distinct[apart | (positions.max(axis=1) > np.arange(len(distinct)))]
    return np.inf


def _first_gains(left: NDArray[Any], covered: NDArray[Any], weights: NDArray[Any]) -> NDArray[np.float64]:
    """What each point alone would add; the kernel is symmetric, so that each tile serves both of its sides."""
    gains = np.zeros(len(left))
    for upper in blocks(len(left), TILE):
        right = exchanged(left[upper])
        for lower in blocks(upper.stop, TILE):
            kernel = _kernel(left[lower], right)
            if lower != upper:
                gains[lower] += _excess(kernel.T, covered[upper]).T @ weights[upper]
            gains[upper] += weights[lower] @ _excess(kernel, covered[lower])
    return gains


def _kernel(left: NDArray[Any], right: NDArray[Any]) -> NDArray[Any]:
    """``exp(-(distance / bandwidth) ** 2)`` of each pair, (n, D + 2), (m, D + 2) -> (n, m)."""
    exponents = left @ right.T
    np.minimum(exponents, 0, out=exponents)
    return np.asarray(np.exp(exponents, out=exponents))


def _excess(kernel: NDArray[Any], covered: NDArray[Any]) -> NDArray[Any]:
    """How much more than now each row's point would be covered by each column's, (n, m), (n,) -> (n, m)."""
    excess = kernel - covered[:, np.newaxis]
    return np.asarray(np.maximum(excess, 0, out=excess))


def _cover(covered: NDArray[Any], left: NDArray[Any], right: NDArray[Any]) -> None:
    """Raise ``covered`` to the kernel of the points at the right, where that is higher."""
    for rows in blocks(len(left), TILE):
        covered[rows] = np.maximum(covered[rows], _kernel(left[rows], right).max(axis=1))


def _precision(points: NDArray[Any], origin: NDArray[np.float64], reach: float) -> type[np.float32 | np.float64]:
    """Float32, unless points so far from the origin, in units of ``reach``, would lose what tells them apart."""
    farthest = coverage_radius(points, origin[np.newaxis]).max() / reach
    error = np.finfo(np.float32).eps * np.sqrt(points.shape[1]) * farthest**2
    return np.float32 if error < TOLERANCE else np.float64
