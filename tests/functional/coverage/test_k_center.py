"""k-centre selection against a naive loop, ties, and the theorem on its radius."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from alframe.errors import InvalidInput, PoolExhausted
from alframe.functional import coverage_radius, k_center_greedy

Points = NDArray[np.float64]


def _squared(a: Points, b: Points) -> float:
    return float(((a - b) ** 2).sum())


def naive_k_center(points: Points, budget: int, centers: Points | None) -> list[int]:
    """The definition: measure everything again for each choice; ``max`` takes the lowest of equals."""
    chosen: list[int] = []
    while len(chosen) < budget:
        covering = [*([] if centers is None else centers), *points[chosen]] or [points.mean(axis=0)]
        left = [position for position in range(len(points)) if position not in chosen]
        chosen.append(max(left, key=lambda p: min(_squared(points[p], c) for c in covering)))
    return chosen


def lattice(rows: int, columns: int = 3) -> st.SearchStrategy[Points]:
    """Small whole coordinates: distances are exact, ties and duplicates are common."""
    return arrays(np.float64, (rows, columns), elements=st.integers(0, 3).map(float))


@given(points=lattice(16), centers=st.none() | lattice(2), budget=st.integers(1, 16))
def test_choices_equal_the_naive_loop_with_ties_to_the_lowest_position(
    points: Points, centers: Points | None, budget: int
) -> None:
    """On a lattice every tie is exact (so is a mean over 16 points): the order agrees to the last choice."""
    assert k_center_greedy(points, budget, centers).tolist() == naive_k_center(points, budget, centers)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_choices_equal_the_naive_loop_on_embeddings(dtype: type[np.float32 | np.float64], offset: float) -> None:
    """Float32 points far from the origin are measured in float64, so the loop over float64 copies agrees."""
    rng = np.random.default_rng(0)
    points = (rng.normal(size=(120, 16)) + offset).astype(dtype)
    centers = (rng.normal(size=(5, 16)) + offset).astype(dtype)
    exact, exact_centers = points.astype(np.float64), centers.astype(np.float64)
    assert k_center_greedy(points, 30).tolist() == naive_k_center(exact, 30, None)
    assert k_center_greedy(points, 30, centers).tolist() == naive_k_center(exact, 30, exact_centers)


@given(points=lattice(8, columns=2), budget=st.integers(1, 4))
def test_the_radius_is_within_twice_the_best(points: Points, budget: int) -> None:
    """Gonzalez's theorem, against every subset of the points."""
    best = min(coverage_radius(points, points[list(subset)]).max() for subset in combinations(range(8), budget))
    reached = coverage_radius(points, points[k_center_greedy(points, budget)]).max()
    assert reached <= 2 * best + 1e-12


def test_duplicates_are_chosen_last_and_never_twice() -> None:
    """When the radius is zero the points that are left follow in order of position."""
    points = np.repeat([[0.0], [1.0], [2.0]], 3, axis=0)
    chosen = k_center_greedy(points, 9)
    assert chosen[:3].tolist() == [0, 6, 3]
    assert chosen[3:].tolist() == [1, 2, 4, 5, 7, 8]


def test_no_centers_is_the_same_said_twice() -> None:
    """``None`` and M = 0 both begin with the point farthest from the mean."""
    points = np.array([[0.0], [1.0], [2.0], [10.0]])
    assert k_center_greedy(points, 2).tolist() == [3, 0]
    assert k_center_greedy(points, 2, np.empty((0, 1))).tolist() == [3, 0]


def test_points_at_centers_come_last() -> None:
    """Labelled points cover their own duplicates in the pool."""
    points = np.array([[5.0], [0.0], [1.0], [5.0]])
    assert k_center_greedy(points, 4, centers=np.array([[5.0]])).tolist() == [1, 2, 0, 3]


def test_what_cannot_be_measured_is_refused() -> None:
    """Centres of another width, NaN, and budgets that the pool cannot serve."""
    points = np.zeros((3, 2))
    with pytest.raises(InvalidInput, match=r"centers must be \(N, 2\)"):
        k_center_greedy(points, 1, np.zeros((1, 3)))
    with pytest.raises(InvalidInput, match="NaN"):
        k_center_greedy(np.array([[np.nan]]), 1)
    with pytest.raises(PoolExhausted):
        k_center_greedy(points, 4)
    with pytest.raises(InvalidInput, match="budget"):
        k_center_greedy(points, 0)
