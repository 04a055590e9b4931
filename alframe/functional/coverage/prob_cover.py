"""Balls of one radius that hold as much of the pool as they can, and the radius they should have."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional.checks import check_budget, check_points
from alframe.functional.coverage.radius import coverage_radius
from alframe.functional.geometry.clustering import assign, centroids
from alframe.functional.geometry.neighbors import nearest_neighbors, within_radius
from alframe.types import Positions

MEASURED = 10_000
"""Most points whose balls are measured for the purity radius: the quantile is then known to half a percent."""


def prob_cover(points: NDArray[Any], budget: int, radius: float, centers: NDArray[Any] | None = None) -> Positions:
    """Choose the ball that holds most that is uncovered, K times, (N, D), (M, D) -> positions (K,), all distinct.

    A point is covered when it lies within ``radius`` of a centre or of a chosen point. Positions index ``points``, in
    the order chosen; ties go to the lowest. When all is covered a new cover begins: every point that has not been
    chosen counts as uncovered again. Memory is proportional to the number of pairs within ``radius``.

    >>> prob_cover(np.array([[0.0], [1.0], [2.0], [9.0], [10.0]]), 2, radius=1.0).tolist()
    [1, 3]

    Raises:
        InvalidInput: points or centres of another shape or with NaN; a radius that is negative or not finite; a budget
            under one.
        PoolExhausted: a budget larger than N.

    Source: Yehuda et al., "Active learning through a covering lens", NeurIPS 2022.
    """
    points = check_points(points)
    budget = check_budget(budget, available=len(points))
    if not 0 <= radius < np.inf:
        raise InvalidInput(f"radius must be a finite number that is not negative, got {radius}")
    uncovered = np.ones(len(points), dtype=bool)
    if centers is not None and len(check_points(centers, "centers", width=points.shape[1])):
        uncovered = coverage_radius(points, centers) > radius

    balls = within_radius(points, radius)
    holds = balls @ uncovered.astype(np.int64)
    positions: list[int] = []
    while len(positions) < budget:
        position = int(holds.argmax())
        if holds[position] <= 0:
            uncovered[:] = True
            uncovered[positions] = False
            holds = balls @ uncovered.astype(np.int64)
            holds[positions] = -1
            continue
        positions.append(position)
        ball = balls.indices[balls.indptr[position] : balls.indptr[position + 1]]
        covered = ball[uncovered[ball]]
        uncovered[covered] = False
        np.subtract.at(holds, balls[covered].indices, 1)
    return np.array(positions, dtype=np.int64)


def purity_radius(points: NDArray[Any], clusters: int, *, purity: float = 0.95, rng: np.random.Generator) -> float:
    """The largest radius at which a share ``purity`` of the balls around points are pure, (N, D) -> a distance.

    A ball is pure when all points in it fall into the same one of the ``clusters`` that k-means finds, in place of
    classes. It is so up to the distance to the nearest point of another cluster, hence the answer is a quantile of
    those distances: over all points, or over 10,000 of them drawn at random where there are more. Zero where no
    radius is pure enough, or all points coincide.

    >>> points = np.array([[0.0], [1.0], [8.0], [10.0]])
    >>> round(purity_radius(points, 2, purity=1.0, rng=np.random.default_rng(0)), 6)
    7.0

    Raises:
        InvalidInput: points of another shape or with NaN; no point; under two clusters; a purity outside (0, 1].

    Source: Yehuda et al., "Active learning through a covering lens", NeurIPS 2022, section 3.2.
    """
    points = check_points(points)
    if not len(points) or clusters < 2 or not 0 < purity <= 1:
        raise InvalidInput(
            f"the purity radius needs a point, two clusters and a purity in (0, 1]; "
            f"got {len(points)} points, {clusters} clusters and purity {purity}"
        )
    cluster = assign(points, centroids(points, min(clusters, len(points)), rng=rng))
    measured = np.arange(len(points))
    if len(points) > MEASURED:
        measured = rng.choice(len(points), MEASURED, replace=False)

    reach = np.full(len(measured), np.inf)
    for label in np.unique(cluster):
        others = cluster[measured] != label
        if others.any():
            _, distances = nearest_neighbors(points[measured[others]], points[cluster == label], 1)
            reach[others] = np.minimum(reach[others], distances[:, 0])
    # As many balls as may be impure are: the radius stops just short of the next point's reach.
    impure = int((1 - purity) * len(reach) + 1e-9)
    short = np.partition(reach, impure)[impure]
    return float(np.nextafter(short, 0.0)) if np.isfinite(short) else 0.0
