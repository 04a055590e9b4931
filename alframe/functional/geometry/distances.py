"""Euclidean distances, in float64 and by direct subtraction, so that equal points are exactly zero apart."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from alframe.functional.blocks import row_blocks

BLOCK_ENTRIES = 1 << 22
"""Most float64 entries that one temporary may hold: 32 MiB."""


def squared_distance_to_nearest(points: NDArray[Any], centers: NDArray[Any]) -> NDArray[np.float64]:
    """Squared distance from each point to its nearest centre, (N, D), (M, D) with M > 0 -> (N,).

    >>> squared_distance_to_nearest(np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([[0.0, 1.0]])).tolist()
    [1.0, 18.0]
    """
    centers = centers.astype(np.float64, copy=False)
    nearest = np.empty(len(points))
    # A block of points is (rows, D) and its distances are (rows, M); neither outgrows the limit.
    for block in row_blocks(len(points), max(centers.shape), BLOCK_ENTRIES):
        nearest[block] = cdist(points[block].astype(np.float64), centers, "sqeuclidean").min(axis=1)
    return nearest
