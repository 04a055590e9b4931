"""MaxHerding: greedy coverage by a Gaussian kernel, against scikit-activeml."""

from __future__ import annotations

from typing import Any

import numpy as np
from contest import Contest, faster
from numpy.typing import NDArray

from alframe.functional import max_herding

BUDGET = 100


def make(count: int = 10_000, width: int = 512) -> NDArray[np.float32]:
    """Directions of a mixture of a hundred Gaussians."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(100, width))[rng.integers(100, size=count)] + 0.7 * rng.normal(size=(count, width))
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


def reference(points: NDArray[np.float32]) -> list[int]:
    """The kernel of all pairs, and every gain again for each choice."""
    exact = points.astype(np.float64)
    kernel = np.exp(2 * exact @ exact.T - 2)
    covered, chosen = np.zeros(len(points)), []
    for _ in range(BUDGET):
        gains = np.array([np.maximum(column - covered, 0).sum() for column in kernel])
        gains[chosen] = -1
        chosen.append(int(gains.argmax()))
        np.maximum(covered, kernel[chosen[-1]], out=covered)
    return chosen


def skactiveml(points: NDArray[np.float32]) -> Any:
    """scikit-activeml, with the same kernel."""
    from skactiveml.pool import MaxHerding

    strategy = MaxHerding(metric="rbf", metric_dict={"gamma": 1.0}, random_state=0)
    return strategy.query(points, np.full(len(points), np.nan), batch_size=BUDGET)


CONTESTS = [
    Contest(
        name=f"MaxHerding, 10,000 x 512, {BUDGET} picks",
        make=make,
        contenders={
            "alframe": lambda points: max_herding(points, BUDGET),
            "reference": reference,
            "scikit-activeml": skactiveml,
        },
        warm_up=lambda: make(500, 8),
        targets={
            "at least 10x faster than scikit-activeml": faster(10, "scikit-activeml"),
            "a tenth of its memory": lambda of: of["alframe"].mib <= of["scikit-activeml"].mib / 10,
        },
    )
]
