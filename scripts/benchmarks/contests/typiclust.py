"""TypiClust: k-means and the most typical sample of each cluster, against scikit-activeml."""

from __future__ import annotations

from typing import Any

import numpy as np
from contest import Contest, faster
from numpy.typing import NDArray

from alframe.functional import typiclust

COMPONENTS, BUDGET = 100, 100


def make(count: int = 50_000, width: int = 512) -> NDArray[np.float32]:
    """A mixture of Gaussians of unequal sizes, one component after the other."""
    rng = np.random.default_rng(0)
    return (rng.normal(size=(COMPONENTS, width))[components(count)] + 2 * rng.normal(size=(count, width))).astype("f4")


def components(count: int) -> NDArray[np.int64]:
    """The component of each of ``count`` points."""
    sizes = np.random.default_rng(1).dirichlet(np.full(COMPONENTS, 5.0))
    return np.searchsorted(np.cumsum(sizes)[:-1], np.linspace(0, 1, count, endpoint=False), side="right")


def components_hit(points: NDArray[np.float32], choice: Any) -> float:
    """How many of the hundred components hold a choice."""
    return len(np.unique(components(len(points))[choice]))


def reference(points: NDArray[np.float32]) -> list[int]:
    """Lloyd's iterations and sorted distances within each cluster, in plain NumPy."""
    centroids = points[np.random.default_rng(0).choice(len(points), BUDGET, replace=False)]
    for _ in range(25):
        cluster = ((centroids**2).sum(axis=1) - 2 * points @ centroids.T).argmin(axis=1)
        centroids = np.stack([points[cluster == label].mean(axis=0) for label in range(BUDGET)])
    chosen = []
    for label in range(BUDGET):
        members = np.flatnonzero(cluster == label)
        norms = (points[members] ** 2).sum(axis=1)
        squared = norms[:, np.newaxis] + norms - 2 * points[members] @ points[members].T
        nearest = np.sort(np.sqrt(np.maximum(squared, 0)), axis=1)[:, 1:21]
        chosen.append(members[nearest.mean(axis=1).argmin()])
    return chosen


def skactiveml(points: NDArray[np.float32]) -> Any:
    """scikit-activeml, with as many neighbours, and scikit-learn's k-means with one start."""
    from skactiveml.pool import TypiClust

    strategy = TypiClust(k=20, cluster_algo_dict={"n_init": 1}, random_state=0)
    return strategy.query(points, np.full(len(points), np.nan), batch_size=BUDGET)


CONTESTS = [
    Contest(
        name=f"TypiClust, 50,000 x 512, {BUDGET} picks; quality: components hit, of {COMPONENTS}",
        make=make,
        contenders={
            "alframe": lambda points: typiclust(points, BUDGET, rng=np.random.default_rng(0)),
            "reference": reference,
            "scikit-activeml": skactiveml,
        },
        warm_up=lambda: make(5_000, 8),
        quality=components_hit,
        agree=None,
        targets={"at least 4x faster than scikit-activeml": faster(4, "scikit-activeml")},
    )
]
