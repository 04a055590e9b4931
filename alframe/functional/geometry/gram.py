"""Squared distances as matrix products: how points are laid out for them, and how far float32 may be off."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.functional.blocks import row_blocks

ENTRIES = 1 << 21
"""Most entries that one block of points holds on its way to another precision: 16 MiB of float64."""

TILE = 2048
"""Points on each side of one block of products: 16 MiB of float32."""


def origin_and_scale(points: NDArray[Any]) -> tuple[NDArray[np.float64], float]:
    """The mean of ``points`` (N, D) and the largest coordinate seen from there: float32 is at its best about them.

    >>> origin_and_scale(np.array([[0.0, 0.0], [2.0, 8.0]]))
    (array([1., 4.]), 4.0)
    """
    origin = points.mean(axis=0, dtype=np.float64)
    largest = np.maximum(points.max(axis=0) - origin, origin - points.min(axis=0)).max(initial=0)
    return origin, float(largest) or 1.0


def seen_from(origin: NDArray[np.float64], scale: float, points: NDArray[Any]) -> NDArray[np.float32]:
    """``(points - origin) / scale`` in float32, (N, D) -> (N, D), with no float64 copy of all points.

    >>> seen_from(np.array([1e9]), 2.0, np.array([[1e9 + 1]])).tolist()
    [[0.5]]
    """
    seen = np.empty(points.shape, dtype=np.float32)
    for block in row_blocks(len(points), points.shape[1], ENTRIES):
        seen[block] = (points[block] - origin) / scale
    return seen


def with_squares(
    origin: NDArray[np.float64], scale: float, points: NDArray[Any], dtype: type[np.float32 | np.float64] = np.float32
) -> NDArray[Any]:
    """Rows ``[x, -|x|**2 / 2, 1]`` of the points x seen from the origin, (N, D) -> (N, D + 2).

    The product of such rows and such rows ``exchanged`` is minus half the squared distances.

    >>> left = with_squares(np.zeros(1), 1.0, np.array([[1.0], [4.0]]))
    >>> (left @ exchanged(left).T).tolist()
    [[0.0, -4.5], [-4.5, 0.0]]
    """
    rows = np.ones((len(points), points.shape[1] + 2), dtype=dtype)
    for block in row_blocks(len(points), points.shape[1], ENTRIES):
        rows[block, :-2] = (points[block] - origin) / scale
        rows[block, -2] = np.einsum("nd,nd->n", rows[block, :-2], rows[block, :-2]) / -2
    return rows


def exchanged(rows: NDArray[Any]) -> NDArray[Any]:
    """The same rows, (N, D + 2), with their last two columns exchanged.

    >>> exchanged(np.array([[7.0, 1.0, 2.0]])).tolist()
    [[7.0, 2.0, 1.0]]
    """
    other = rows.copy()
    other[:, -2:] = rows[:, :-3:-1]
    return other


def rounding_of_products(width: int) -> float:
    """How far a squared distance made of float32 products may be off, as a share of the sum of both squared norms.

    A sum of D products is off by at most D roundings of the product of both norms.

    >>> rounding_of_products(512) < 1e-4
    True
    """
    units = (width + 16) * 2.0**-24
    return 2 * units / (1 - 4 * units)
