"""ProbCover: greedy cover by balls of one radius, against scikit-activeml."""

from __future__ import annotations

from typing import Any

import numpy as np
from contest import Contest, faster
from numpy.typing import NDArray

from alframe.functional import prob_cover

BUDGET, RADIUS = 100, 25.0
"""Balls of this radius hold about one point in a hundred of the mixture."""


def make(count: int = 20_000, width: int = 512) -> NDArray[np.float32]:
    """A mixture of fifty Gaussians whose points lie nearly in ten dimensions."""
    rng = np.random.default_rng(0)
    plane = rng.normal(size=(10, width)) / np.sqrt(width / 10)
    hidden = 8 * rng.normal(size=(50, 10))[rng.integers(50, size=count)] + rng.normal(size=(count, 10))
    return (2 * hidden @ plane + 0.1 * rng.normal(size=(count, width))).astype(np.float32)


def covered(points: NDArray[np.float32], choice: Any) -> float:
    """The share of the points that lie within the radius of a choice."""
    from scipy.spatial.distance import cdist

    chosen = points[choice].astype(np.float64)
    blocks = np.array_split(points.astype(np.float64), 10)
    return float(np.mean([(cdist(block, chosen) <= RADIUS).any(axis=1).mean() for block in blocks]))


def reference(points: NDArray[np.float32]) -> list[int]:
    """All pairs at once, and a matrix-vector product for each choice."""
    exact = points.astype(np.float64)
    norms = (exact**2).sum(axis=1)
    balls = norms[:, np.newaxis] + norms - 2 * exact @ exact.T <= RADIUS**2
    uncovered, chosen = np.ones(len(points), dtype=bool), []
    for _ in range(BUDGET):
        chosen.append(int(balls[:, uncovered].sum(axis=1).argmax()))
        uncovered &= ~balls[chosen[-1]]
    return chosen


def skactiveml(points: NDArray[np.float32]) -> Any:
    """scikit-activeml at the same radius: with a single one to choose from it does not cluster."""
    from skactiveml.pool import ProbCover

    strategy = ProbCover(n_classes=2, deltas=[RADIUS], random_state=0)
    return strategy.query(points, np.full(len(points), np.nan), batch_size=BUDGET)


CONTESTS = [
    Contest(
        name=f"ProbCover, 20,000 x 512, {BUDGET} picks at one radius; quality: share covered",
        make=make,
        contenders={
            "alframe": lambda points: prob_cover(points, BUDGET, RADIUS),
            "reference": reference,
            "scikit-activeml": skactiveml,
        },
        warm_up=lambda: make(500),
        quality=covered,
        agree=None,
        targets={
            "at least 10x faster than scikit-activeml": faster(10, "scikit-activeml"),
            "a tenth of its memory": lambda of: of["alframe"].mib <= of["scikit-activeml"].mib / 10,
        },
    )
]
