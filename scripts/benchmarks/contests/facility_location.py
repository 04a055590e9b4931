"""Facility location on nearest neighbours, against scikit-learn's neighbours and apricot's lazy greedy choice."""

from __future__ import annotations

from typing import Any

import numpy as np
from contest import Contest
from numpy.typing import NDArray

from alframe.functional import facility_location

BUDGET, NEIGHBORS = 500, 32


def make(count: int = 20_000, width: int = 512) -> NDArray[np.float32]:
    """A mixture of fifty Gaussians."""
    rng = np.random.default_rng(0)
    return (rng.normal(size=(50, width))[rng.integers(50, size=count)] + rng.normal(size=(count, width))).astype("f4")


def similarities(points: NDArray[np.float32]) -> Any:
    """The sparse matrix of the definition, by scikit-learn."""
    from sklearn.neighbors import kneighbors_graph

    graph = kneighbors_graph(points.astype(np.float64), NEIGHBORS, mode="distance", include_self=False)
    graph.data = 1 - (graph.data / graph.data.max()) ** 2
    graph.setdiag(1)
    return graph.tocsr()


def served(points: NDArray[np.float32], choice: Any) -> float:
    """The mean similarity of the pool to its representatives."""
    return float(similarities(points)[:, choice].max(axis=1).mean())


def reference(points: NDArray[np.float32]) -> list[int]:
    """Sorted distances, and every gain again for each choice."""
    similar = similarities(points).tocoo()
    best, chosen = np.zeros(len(points)), []
    for _ in range(BUDGET):
        gains = np.bincount(similar.col, np.maximum(similar.data - best[similar.row], 0), minlength=len(points))
        gains[chosen] = -1
        chosen.append(int(gains.argmax()))
        column = similar.col == chosen[-1]
        best[similar.row[column]] = np.maximum(best[similar.row[column]], similar.data[column])
    return chosen


def apricot(points: NDArray[np.float32]) -> Any:
    """apricot, which rewards a column of the matrix that it is given."""
    from apricot import FacilityLocationSelection

    selector = FacilityLocationSelection(BUDGET, metric="precomputed", optimizer="lazy")
    return selector.fit(similarities(points).T.tocsr()).ranking


CONTESTS = [
    Contest(
        name=f"Facility location, 20,000 x 512, {NEIGHBORS} neighbours, {BUDGET} picks; quality: mean similarity",
        make=make,
        contenders={
            "alframe": lambda points: facility_location(points, BUDGET, neighbors=NEIGHBORS),
            "reference": reference,
            "apricot": apricot,
        },
        warm_up=lambda: make(2_000, 8),
        quality=served,
        targets={
            "faster than both": lambda of: min(of["reference"].seconds, of["apricot"].seconds) > of["alframe"].seconds
        },
    )
]
