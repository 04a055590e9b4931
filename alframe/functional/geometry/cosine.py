"""Cosine similarity: which points resemble which, and how much a point is like all the others."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional.blocks import row_blocks
from alframe.functional.checks import check_points
from alframe.types import Positions

BLOCK_ENTRIES = 1 << 20
"""Most entries that one temporary may hold: 8 MiB of float64."""

ROUNDING = 1e-12
"""How far a float64 product of unit vectors may fall short of the similarity that it stands for."""

ROWS_AT_ONCE = 512
"""Points that ``distinct`` compares in one matrix product."""


def resembles(points: NDArray[Any], centers: NDArray[Any], similarity: float) -> NDArray[np.bool_]:
    """Whether a centre has at least this cosine similarity to the point, (N, D), (M, D) -> (N,).

    A vector of zeros has no direction and resembles nothing.

    >>> resembles(np.array([[2.0, 0.0], [0.0, 1.0]]), np.array([[1.0, 0.1]]), similarity=0.99).tolist()
    [True, False]

    Raises:
        InvalidInput: points or centres of another shape or with NaN; a similarity outside (0, 1].

    Source: Salton, Wong & Yang, "A vector space model for automatic indexing", 1975.
    """
    points = check_points(points)
    centers = check_points(centers, "centers", width=points.shape[1])
    _check_similarity(similarity)
    found = np.zeros(len(points), dtype=np.bool_)
    if len(centers) == 0:
        return found
    exact = _directions(centers)
    rough = exact.astype(np.float32).T
    # Twice the largest error of a float32 product of unit vectors; what lies nearer to the bound is settled in float64.
    band = np.finfo(np.float32).eps * (points.shape[1] + 2)
    for block in row_blocks(len(points), max(1, *centers.shape), BLOCK_ENTRIES):
        highest = (_directions(points[block]).astype(np.float32) @ rough).max(axis=1)
        found[block] = highest >= similarity
        close = block.start + np.flatnonzero(np.abs(highest - similarity) <= band)
        found[close] = (_directions(points[close]) @ exact.T).max(axis=1) >= similarity - ROUNDING
    return found


def distinct(points: NDArray[Any], similarity: float) -> Positions:
    """Keep a point unless it resembles one kept before, (N, D) -> positions, ascending, the first of each kind.

    Made for batches: the time grows with the square of what is kept.

    >>> distinct(np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]]), similarity=0.99).tolist()
    [0, 2]

    Raises:
        InvalidInput: points of another shape or with NaN; a similarity outside (0, 1].

    Source: leader clustering; Hartigan, "Clustering algorithms", 1975, with cosine similarity.
    """
    directions = _directions(check_points(points))
    _check_similarity(similarity)
    positions = np.empty(0, dtype=np.int64)
    for start in range(0, len(directions), ROWS_AT_ONCE):
        rows = directions[start : start + ROWS_AT_ONCE]
        taken = np.asarray((rows @ directions[positions].T >= similarity - ROUNDING).any(axis=1))
        alike = rows @ rows.T >= similarity - ROUNDING
        kept = []
        for row, resembled in enumerate(alike):
            if not taken[row]:
                kept.append(start + row)
                taken |= resembled
        positions = np.append(positions, kept).astype(np.int64)
    return positions


def density(points: NDArray[Any]) -> NDArray[np.float64]:
    """Mean cosine similarity to all points, itself among them, (N, D) -> (N,), in [-1, 1]; high is typical.

    The mean of the similarities is the similarity to the mean direction, so the time grows with N, not its square.

    >>> density(np.array([[1.0, 0.0], [3.0, 0.0], [0.0, 1.0]])).round(4).tolist()
    [0.6667, 0.6667, 0.3333]

    Raises:
        InvalidInput: points of another shape or with NaN.

    Source: Settles & Craven, "An analysis of active learning strategies for sequence labeling tasks", EMNLP 2008.
    """
    points = check_points(points)
    factors, total = np.empty(len(points)), np.zeros(points.shape[1])
    for block in row_blocks(len(points), points.shape[1], BLOCK_ENTRIES):
        exact = points[block].astype(np.float64)
        factors[block] = _inverse_lengths(exact)
        total += factors[block] @ exact
    scores = np.empty(len(points))
    for block in row_blocks(len(points), points.shape[1], BLOCK_ENTRIES):
        scores[block] = factors[block] * (points[block].astype(np.float64) @ total)
    return scores / max(len(points), 1)


def _directions(points: NDArray[Any]) -> NDArray[np.float64]:
    """Rows of length one, in float64; a row of zeros stays one."""
    exact = points.astype(np.float64)
    exact *= _inverse_lengths(exact)[:, np.newaxis]
    return exact


def _inverse_lengths(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    return np.asarray(np.divide(1, lengths, out=np.zeros(len(rows)), where=lengths > 0))


def _check_similarity(similarity: float) -> None:
    if not 0 < similarity <= 1:
        raise InvalidInput(f"similarity must lie in (0, 1], got {similarity}")
