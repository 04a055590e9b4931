"""Neighbours, pairs within a radius, and lazy greedy choice, against loops over everything."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from alframe.functional import greedy
from alframe.functional.geometry import neighbors
from alframe.functional.geometry.neighbors import nearest_neighbors, within_radius
from alframe.functional.greedy import lazy_greedy

Points = NDArray[np.float64]


def lattice(rows: int, columns: int = 2) -> st.SearchStrategy[Points]:
    """Small whole coordinates: distances are exact, ties and duplicates are common."""
    return arrays(np.float64, (rows, columns), elements=st.integers(0, 3).map(float))


@given(points=lattice(24), radius=st.sampled_from([0.0, 1.0, 2.0**0.5, 2.0, 3.0]))
def test_pairs_at_the_radius_exactly_are_within_it(points: Points, radius: float) -> None:
    """On a lattice many pairs lie on the border, where float32 alone would toss a coin."""
    expected = cdist(points, points) <= radius
    np.testing.assert_array_equal(within_radius(points, radius).toarray(), expected)


@pytest.mark.parametrize(("scale", "radius"), [(1.0, 1e200), (1e-30, 0.5), (1.0, 1e30)])
def test_a_radius_beyond_all_distances_holds_every_pair(scale: float, radius: float) -> None:
    """Its square, in units of the points, is more than a float holds."""
    points = scale * np.random.default_rng(0).normal(size=(9, 2))
    assert within_radius(points, radius).toarray().all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("offset", [0.0, 1e4])
@pytest.mark.parametrize("spread", [1e-20, 1.0, 1e20])
def test_pairs_are_those_of_a_float64_loop(
    dtype: type[np.float32 | np.float64], offset: float, spread: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In many tiles, far from the origin, at scales whose squares float32 does not know, and at exact distances."""
    monkeypatch.setattr(neighbors, "TILE", 64)
    points = (spread * (np.random.default_rng(0).normal(size=(300, 24)) + offset)).astype(dtype)
    distances = cdist(points.astype(np.float64), points.astype(np.float64))
    radius = float(np.sort(distances, axis=None)[20_000:20_003:2].mean())  # each pair is there twice
    np.testing.assert_array_equal(within_radius(points, radius).toarray(), distances <= radius)


@given(points=lattice(20), queries=lattice(3), count=st.integers(1, 20))
def test_neighbours_are_sorted_with_ties_to_the_lowest(points: Points, queries: Points, count: int) -> None:
    """The distances are those of a full sort; so are the positions where the candidates hold all ties."""
    positions, distances = nearest_neighbors(queries, points, count)
    everything = cdist(queries, points)
    np.testing.assert_array_equal(distances, np.sort(everything, axis=1)[:, :count])
    np.testing.assert_array_equal(distances, np.take_along_axis(everything, positions, axis=1))
    if count > 12:
        np.testing.assert_array_equal(positions, np.argsort(everything, axis=1, kind="stable")[:, :count])


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_neighbours_are_found_far_from_the_origin(offset: float) -> None:
    """Float32 would hold no digit of the differences; seen from the mean it holds them all."""
    points = np.random.default_rng(0).normal(size=(200, 8)) + offset
    positions, _ = nearest_neighbors(points, points, 5)
    np.testing.assert_array_equal(positions, np.argsort(cdist(points, points), axis=1)[:, :5])


def covered(sets: NDArray[np.bool_], chosen: list[int]) -> int:
    """How many elements the chosen sets hold together."""
    return int(sets[chosen].any(axis=0).sum())


@given(
    sets=arrays(np.bool_, (30, 12), elements=st.booleans()),
    budget=st.integers(1, 30),
    shortlist=st.integers(1, 40),
    block=st.integers(1, 5),
)
def test_lazy_greedy_chooses_as_the_greedy_loop(
    sets: NDArray[np.bool_], budget: int, shortlist: int, block: int
) -> None:
    """Set cover, full of ties: the same sets in the same order, whatever is looked at first."""
    expected: list[int] = []
    while len(expected) < budget:
        left = [position for position in range(len(sets)) if position not in expected]
        expected.append(max(left, key=lambda position: covered(sets, [*expected, position])))

    chosen: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(greedy, "SHORTLIST", shortlist)
        positions = lazy_greedy(
            sets.sum(axis=1),
            budget,
            gains_of=lambda asked: np.array([covered(sets, [*chosen, p]) - covered(sets, chosen) for p in asked]),
            choose=chosen.append,
            block=block,
        )
    assert positions.tolist() == expected
    assert chosen == expected
