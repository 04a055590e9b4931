"""Query by example: facility-location mutual information with a query set."""

from __future__ import annotations

from typing import Any

import numpy as np
from contest import Contest
from numpy.typing import NDArray

from alframe.functional import flqmi

BUDGET, RARE = 100, 0.01


def make(count: int = 50_000, width: int = 512) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A pool in which one in a hundred is of the rare kind, at its beginning, and fifty examples of that kind."""
    rng = np.random.default_rng(0)
    kinds, center = rng.normal(size=(50, width)), rng.normal(size=width)
    points = kinds[rng.integers(50, size=count)] + 2 * rng.normal(size=(count, width))
    points[: int(RARE * count)] += center
    query = kinds[rng.integers(50, size=50)] + center + 2 * rng.normal(size=(50, width))
    return points.astype(np.float32), query.astype(np.float32)


def rare(data: Any, choice: Any) -> float:
    """The share of the choices that are of the rare kind."""
    return float((np.asarray(choice) < RARE * len(data[0])).mean())


def reference(data: tuple[NDArray[np.float32], NDArray[np.float32]]) -> list[int]:
    """All similarities at once, and every gain again for each choice."""
    points, query = (rows.astype(np.float64) for rows in data)
    lengths = np.outer(np.linalg.norm(points, axis=1), np.linalg.norm(query, axis=1))
    similar = np.maximum(points @ query.T / lengths, 0)
    represented, chosen = np.zeros(len(query)), []
    for _ in range(BUDGET):
        gains = np.maximum(similar - represented, 0).sum(axis=1) + similar.max(axis=1)
        gains[chosen] = -1
        chosen.append(int(gains.argmax()))
        np.maximum(represented, similar[chosen[-1]], out=represented)
    return chosen


CONTESTS = [
    Contest(
        name=f"FLQMI, 50,000 x 512, 50 examples, {BUDGET} picks; quality: share of the rare kind",
        make=make,
        contenders={"alframe": lambda data: flqmi(*data, BUDGET), "reference": reference},
        warm_up=lambda: make(500, 8),
        quality=rare,
        targets={"under 64 MiB beside the data": lambda of: of["alframe"].mib < 64},
    )
]
