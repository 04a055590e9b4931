"""Facility location against its definition, the theorem on greedy choice, and another library."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from alframe.errors import InvalidInput, PoolExhausted
from alframe.functional import facility_location

Points = NDArray[np.float64]


def similarities(points: Points, everything: Points, neighbors: int) -> Points:
    """The definition, dense: 1 to itself, 1 - (d / longest)^2 to the nearest others, 0 to the rest, (N, N + M)."""
    distances, neighbors = cdist(points, everything), min(neighbors, len(everything) - 1)
    np.fill_diagonal(distances, -1)
    order = np.argsort(distances, axis=1, kind="stable")[:, : neighbors + 1]
    np.fill_diagonal(distances, 0)
    similar, longest = np.zeros_like(distances), np.take_along_axis(distances, order, axis=1).max() or 1.0
    np.put_along_axis(similar, order, 1 - (np.take_along_axis(distances, order, axis=1) / longest) ** 2, axis=1)
    return np.asarray(similar)


def served(similar: Points, chosen: list[int]) -> float:
    """The sum over the pool of each point's similarity to the most similar that was chosen or is a centre."""
    columns = [*chosen, *range(len(similar), similar.shape[1])]
    return float(similar[:, columns].max(axis=1, initial=0).sum())


@pytest.mark.parametrize("neighbors", [1, 5, 32, 1000])
@pytest.mark.parametrize("labelled", [0, 7])
@pytest.mark.parametrize("offset", [0.0, 1e5])
def test_each_choice_serves_as_well_as_any_other_would(neighbors: int, labelled: int, offset: float) -> None:
    """With few neighbours, with all, and with labelled points that serve already.

    Two points that are each other's nearest add the same, so sums are compared and not positions.
    """
    rng = np.random.default_rng(neighbors + labelled)
    points, centers = rng.normal(size=(60, 4)) + offset, rng.normal(size=(labelled, 4)) + offset
    similar, before = similarities(points, np.vstack([points, centers]), neighbors), list[int]()
    for position in facility_location(points, 20, centers, neighbors=neighbors).tolist():
        best = max(served(similar, [*before, other]) for other in range(60))
        before.append(position)
        assert served(similar, before) == pytest.approx(best, rel=1e-12)


@given(points=arrays(np.float64, (9, 2), elements=st.integers(0, 3).map(float)), budget=st.integers(1, 4))
def test_greedy_choice_is_within_1_minus_1_over_e_of_the_best(points: Points, budget: int) -> None:
    """Nemhauser, Wolsey & Fisher's theorem, against every subset, with all points as neighbours."""
    similar = similarities(points, points, 8)
    best = max(served(similar, list(subset)) for subset in combinations(range(9), budget))
    assert served(similar, facility_location(points, budget, neighbors=8).tolist()) >= (1 - 1 / np.e) * best - 1e-9


@given(seed=st.integers(0, 100))
def test_the_order_of_the_pool_does_not_matter(seed: int) -> None:
    """A permutation of the points permutes the choice; so early, and with all neighbours, there are no ties."""
    rng = np.random.default_rng(seed)
    points, order = rng.normal(size=(100, 3)), rng.permutation(100)
    chosen = facility_location(points, 3, neighbors=99)
    assert order[facility_location(points[order], 3, neighbors=99)].tolist() == chosen.tolist()


@pytest.mark.parametrize("budget", [1, 4, 12])
def test_duplicates_serve_each_other(budget: int) -> None:
    """Each of four places is chosen once before any of them is chosen again, whatever the neighbours hold."""
    points = np.repeat(np.array([[0.0], [1.0], [2.0], [3.0]]), 3, axis=0)
    chosen = facility_location(points, budget, neighbors=2)
    assert len(set(chosen.tolist())) == budget
    assert len({int(position) // 3 for position in chosen[:4]}) == min(budget, 4)


def test_what_cannot_be_served_is_refused() -> None:
    """No neighbour, centres of another width, a budget larger than the pool."""
    with pytest.raises(InvalidInput, match="at least 1 neighbour"):
        facility_location(np.zeros((3, 2)), 1, neighbors=0)
    with pytest.raises(InvalidInput, match=r"centers must be \(N, 2\)"):
        facility_location(np.zeros((3, 2)), 1, np.zeros((1, 3)))
    with pytest.raises(PoolExhausted, match="the pool holds 3"):
        facility_location(np.zeros((3, 2)), 4)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_apricot_chooses_the_same() -> None:
    """Facility location over the same dense similarities, by the library's own greedy loop."""
    apricot: Any = pytest.importorskip("apricot")
    points = np.random.default_rng(0).normal(size=(80, 5))
    selector = apricot.FacilityLocationSelection(20, metric="precomputed", optimizer="naive")
    selector.fit(similarities(points, points, 79))
    assert facility_location(points, 20, neighbors=79).tolist() == selector.ranking.tolist()
