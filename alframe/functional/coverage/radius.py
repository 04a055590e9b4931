"""How far the points are from the centres that cover them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional.checks import check_points
from alframe.functional.geometry.distances import squared_distance_to_nearest


def coverage_radius(points: NDArray[Any], centers: NDArray[Any]) -> NDArray[np.float64]:
    """Distance from each point to its nearest centre, (N, D), (M, D) -> (N,); zero at a centre.

    >>> coverage_radius(np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([[0.0, 0.0]])).tolist()
    [0.0, 5.0]

    Raises:
        InvalidInput: points or centres of another shape or with NaN; no centre at all.
    """
    points = check_points(points)
    centers = check_points(centers, "centers", width=points.shape[1])
    if len(centers) == 0:
        raise InvalidInput("the coverage radius was asked for 0 centers; give at least one")
    return np.sqrt(squared_distance_to_nearest(points, centers))
