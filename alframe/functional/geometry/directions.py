"""Directions of vectors, for measures that do not look at their lengths."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.functional.checks import check_points


def unit_length(points: NDArray[Any]) -> NDArray[Any]:
    """Each row of ``points`` over its Euclidean length, (N, D) -> (N, D); a row of zeros stays one.

    >>> unit_length(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [[0.6, 0.8], [0.0, 0.0]]

    Raises:
        InvalidInput: points of another shape or with NaN.
    """
    points = check_points(points)
    lengths = np.sqrt(np.einsum("nd,nd->n", points, points, dtype=np.float64))[:, np.newaxis]
    return np.asarray(np.divide(points, lengths, out=np.zeros_like(points), where=lengths > 0, casting="same_kind"))
