"""Representatives: each point of the pool is served by the most similar one that was chosen."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from alframe.errors import InvalidInput
from alframe.functional.checks import check_budget, check_points
from alframe.functional.geometry.neighbors import nearest_neighbors
from alframe.functional.greedy import lazy_greedy
from alframe.types import Positions


def facility_location(
    points: NDArray[Any], budget: int, centers: NDArray[Any] | None = None, *, neighbors: int = 32
) -> Positions:
    """Choose greedily the most similar representatives of all, (N, D), (M, D) -> positions (K,), all distinct.

    What is maximised is the sum over the pool of each point's similarity to the most similar point that was chosen or
    is a centre. The similarity of a point and one of its ``neighbors`` nearest among pool and centres is
    ``1 - (d / longest) ** 2``, where d is their distance and ``longest`` the largest such distance; to itself it is
    1, and to all others 0. With as many neighbours as there are points it is the similarity of the source. Greedy
    choice reaches at least 1 - 1/e of the best sum. Positions index ``points``, in the order chosen; ties go to the
    lowest.

    >>> facility_location(np.array([[0.0], [1.0], [2.0], [10.0], [11.0], [12.0]]), 2, neighbors=2).tolist()
    [1, 4]

    Raises:
        InvalidInput: points or centres of another shape or with NaN; a budget or neighbours under one.
        PoolExhausted: a budget larger than N.

    Source: Wei, Iyer & Bilmes, "Submodularity in data subset selection and active learning", ICML 2015; Minoux 1978
    for the lazy greedy.
    """
    points = check_points(points)
    budget = check_budget(budget, available=len(points))
    if neighbors < 1:
        raise InvalidInput(f"facility location needs at least 1 neighbour of each point, got {neighbors}")
    everything = points
    if centers is not None and len(check_points(centers, "centers", width=points.shape[1])):
        everything = np.concatenate([points, centers])

    similar = _similarities(points, everything, min(neighbors, len(everything) - 1))
    served, by_centers = np.zeros(len(points)), similar[:, len(points) :].tocoo()
    np.maximum.at(served, by_centers.coords[0], by_centers.data)
    by_candidate = similar[:, : len(points)].tocsc()

    def gains_of(positions: Positions) -> NDArray[np.float64]:
        columns = by_candidate[:, positions]
        return np.asarray(np.add.reduceat(np.maximum(columns.data - served[columns.indices], 0), columns.indptr[:-1]))

    def choose(position: int) -> None:
        column = slice(by_candidate.indptr[position], by_candidate.indptr[position + 1])
        rows = by_candidate.indices[column]
        served[rows] = np.maximum(served[rows], by_candidate.data[column])

    return lazy_greedy(gains_of(np.arange(len(points))), budget, gains_of=gains_of, choose=choose)


def _similarities(points: NDArray[Any], everything: NDArray[Any], neighbors: int) -> sparse.csr_array:
    """How similar each point is to itself and its nearest neighbours, sparse (N, N + M)."""
    own = np.arange(len(points))
    positions, distances = nearest_neighbors(points, everything, neighbors + 1)
    # Where a point has more duplicates than neighbours it may not be among them, but it serves itself all the same.
    absent = ~(positions == own[:, np.newaxis]).any(axis=1)
    positions[absent, -1], distances[absent, -1] = own[absent], 0
    similarities = 1 - (distances / (distances.max() or 1.0)) ** 2
    starts = np.arange(len(points) + 1) * (neighbors + 1)
    return sparse.csr_array((similarities.ravel(), positions.ravel(), starts), shape=(len(points), len(everything)))
