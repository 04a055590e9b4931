"""k-centre selection against a naive loop, ties, and the theorems on its radius."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from alframe.errors import InvalidInput, PoolExhausted
from alframe.functional import coverage_radius, k_center_greedy, k_center_two_level
from alframe.functional.coverage import farthest_first

Points = NDArray[np.float64]


def naive_k_center(points: Points, budget: int, centers: Points | None) -> list[int]:
    """The definition: measure every point again for each choice; ``argmax`` takes the lowest of equals."""

    def squared(center: Points) -> Points:
        return np.asarray(((points - center) ** 2).sum(axis=1))

    first = [points.mean(axis=0)] if centers is None else list(centers)
    nearest = np.min([squared(center) for center in first], axis=0)
    chosen = [int(nearest.argmax())]
    if centers is None:
        nearest[:] = np.inf
    while len(chosen) < budget:
        nearest = np.minimum(nearest, squared(points[chosen[-1]]))
        nearest[chosen[-1]] = -1
        chosen.append(int(nearest.argmax()))
    return chosen


def lattice(rows: int, columns: int = 3) -> st.SearchStrategy[Points]:
    """Small whole coordinates: distances are exact, ties and duplicates are common."""
    return arrays(np.float64, (rows, columns), elements=st.integers(0, 3).map(float))


@given(points=lattice(16), centers=st.none() | lattice(2), budget=st.integers(1, 16))
def test_choices_equal_the_naive_loop_with_ties_to_the_lowest_position(
    points: Points, centers: Points | None, budget: int
) -> None:
    """On a lattice every tie is exact: the order agrees to the last choice."""
    assert k_center_greedy(points, budget, centers).tolist() == naive_k_center(points, budget, centers)


@given(
    points=lattice(40),
    centers=lattice(7),
    budget=st.integers(1, 40),
    sizes=st.tuples(st.integers(1, 6), st.integers(1, 8), st.integers(1, 5)),
)
def test_neither_rounds_nor_chunks_change_a_choice(
    points: Points, centers: Points, budget: int, sizes: tuple[int, int, int]
) -> None:
    """Rounds of one point to six, a sweep of one centre to all, chunks of one to five: ties across tau included."""
    with pytest.MonkeyPatch.context() as patch:
        for name, size in zip(("FEW", "SWEPT", "CHUNK"), sizes, strict=True):
            patch.setattr(farthest_first, name, size)
        assert k_center_greedy(points, budget, centers).tolist() == naive_k_center(points, budget, centers)


def mixture(count: int, rng: np.random.Generator) -> Points:
    """Clusters of unlike sizes."""
    return np.asarray(rng.normal(size=(20, 24))[rng.integers(20, size=count)] + 0.3 * rng.normal(size=(count, 24)))


def low_rank(count: int, rng: np.random.Generator) -> Points:
    """A plane of four dimensions in 24, cut off at zero as a last layer cuts it."""
    return np.maximum(rng.normal(size=(count, 4)) @ np.random.default_rng(0).normal(size=(4, 24)), 0)


def lattice_of_many(count: int, rng: np.random.Generator) -> Points:
    """More points than places: thousands of duplicates and of exact ties."""
    return rng.integers(0, 3, size=(count, 6)).astype(np.float64)


def beyond_float32(count: int, rng: np.random.Generator) -> Points:
    """Clusters whose points float32 cannot tell apart, a million from the origin."""
    return np.asarray(1e6 + rng.integers(0, 3, size=(count, 3)) + 1e-9 * rng.normal(size=(count, 3)))


def tiny(count: int, rng: np.random.Generator) -> Points:
    """Squares that underflow in float32."""
    return rng.normal(size=(count, 8)) * 1e-30


def huge(count: int, rng: np.random.Generator) -> Points:
    """Coordinates that overflow in float32."""
    return rng.normal(size=(count, 8)) * 1e60


def with_outliers(count: int, rng: np.random.Generator) -> Points:
    """Heavy tails: a few points are a million times farther out than the most."""
    return rng.standard_cauchy(size=(count, 5)) ** 3


@pytest.mark.parametrize(
    "make",
    [mixture, low_rank, lattice_of_many, beyond_float32, tiny, huge, with_outliers],
    ids=lambda make: make.__name__,
)
@pytest.mark.parametrize("centers", [None, 1, 700])
def test_choices_equal_the_naive_loop_whatever_the_data(make: object, centers: int | None) -> None:
    """More points than one round takes and more centres than are swept, in float64."""
    assert callable(make)
    rng = np.random.default_rng(0)
    points = make(5000, rng)
    labelled = None if centers is None else make(centers, rng)
    assert k_center_greedy(points, 120, labelled).tolist() == naive_k_center(points, 120, labelled)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_choices_from_narrow_types_equal_those_from_float64(dtype: type, offset: float) -> None:
    """Points far from the origin are measured in float64, so the loop over float64 copies agrees."""
    rng = np.random.default_rng(1)
    points, centers = (mixture(count, rng).astype(dtype) + dtype(offset) for count in (5000, 300))
    exact, exact_centers = points.astype(np.float64), centers.astype(np.float64)
    assert k_center_greedy(points, 60, centers).tolist() == naive_k_center(exact, 60, exact_centers)
    assert k_center_greedy(points, 60, exact_centers).tolist() == naive_k_center(exact, 60, exact_centers)


def test_a_memory_mapped_pool_is_chosen_from_as_one_in_memory(tmp_path: Path) -> None:
    """Half precision on disk."""
    points = mixture(2500, np.random.default_rng(2)).astype(np.float16)
    mapped = np.memmap(tmp_path / "pool", dtype=np.float16, mode="w+", shape=points.shape)
    mapped[:] = points
    assert k_center_greedy(mapped, 40).tolist() == k_center_greedy(points, 40).tolist()


@given(seed=st.integers(0, 100))
def test_the_order_of_the_pool_and_of_the_centers_does_not_matter(seed: int) -> None:
    """Without ties, permuted points give the permuted choice."""
    rng = np.random.default_rng(seed)
    points, centers = rng.normal(size=(50, 4)), rng.normal(size=(5, 4))
    order = rng.permutation(50)
    permuted = k_center_greedy(points[order], 20, rng.permutation(centers))
    assert order[permuted].tolist() == k_center_greedy(points, 20, centers).tolist()


@given(points=lattice(8, columns=2), budget=st.integers(1, 4))
def test_the_radius_is_within_twice_the_best(points: Points, budget: int) -> None:
    """Gonzalez's theorem, against every subset of the points."""
    best = min(coverage_radius(points, points[list(subset)]).max() for subset in combinations(range(8), budget))
    reached = coverage_radius(points, points[k_center_greedy(points, budget)]).max()
    assert reached <= 2 * best + 1e-12


@given(points=lattice(9, columns=2), budget=st.integers(1, 4), centers=st.none() | lattice(2, columns=2))
def test_the_radius_of_two_levels_is_within_four_times_the_best(
    points: Points, budget: int, centers: Points | None
) -> None:
    """Malkomes's theorem, against every subset of the points, with and without points that are labelled."""

    def radius(chosen: Points) -> float:
        covering = chosen if centers is None else np.vstack([centers, chosen])
        return float(coverage_radius(points, covering).max())

    best = min(radius(points[list(subset)]) for subset in combinations(range(9), budget))
    chosen = k_center_two_level((points[start : start + 3] for start in (0, 3, 6)), budget, centers)
    assert len(set(chosen.tolist())) == budget
    assert radius(points[chosen]) <= 4 * best + 1e-12


def test_two_levels_of_one_block_are_one_level() -> None:
    """And empty blocks count for nothing; a pool of blocks that is too small is refused."""
    points = mixture(60, np.random.default_rng(0))
    empty = points[:0]
    assert k_center_two_level([empty, points, empty], 9).tolist()[0] == k_center_greedy(points, 9)[0]
    assert sorted(k_center_two_level([points[:30], points[30:]], 60)) == list(range(60))
    with pytest.raises(PoolExhausted, match="the pool holds 60"):
        k_center_two_level([points[:30], points[30:]], 61)
    with pytest.raises(InvalidInput, match="every block is empty"):
        k_center_two_level([empty], 1)


def test_duplicates_are_chosen_last_and_never_twice() -> None:
    """When the radius is zero the points that are left follow in order of position."""
    points = np.repeat([[0.0], [1.0], [2.0]], 3, axis=0)
    chosen = k_center_greedy(points, 9)
    assert chosen[:3].tolist() == [0, 6, 3]
    assert chosen[3:].tolist() == [1, 2, 4, 5, 7, 8]


def test_a_pool_of_one_place_is_chosen_in_order() -> None:
    """The radius is zero from the first choice on, in a pool larger than a round."""
    assert k_center_greedy(np.full((5000, 3), 0.1), 5000).tolist() == list(range(5000))
    assert k_center_greedy(np.full((5000, 3), 0.1), 9, np.full((1, 3), 0.1)).tolist() == list(range(9))


def test_no_centers_is_the_same_said_twice() -> None:
    """``None`` and M = 0 both begin with the point farthest from the mean."""
    points = np.array([[0.0], [1.0], [2.0], [10.0]])
    for centers in (None, np.empty((0, 1))):
        assert k_center_greedy(points, 2, centers).tolist() == [3, 0]
        assert k_center_greedy(torch.as_tensor(points), 2, centers).tolist() == [3, 0]


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


@given(points=lattice(16), centers=st.none() | lattice(2), budget=st.integers(1, 16))
def test_a_tensor_gives_the_same_choice(points: Points, centers: Points | None, budget: int) -> None:
    """Ties and duplicates included; the labelled may be an array."""
    chosen = k_center_greedy(torch.as_tensor(points), budget, centers)
    assert isinstance(chosen, np.ndarray)
    assert chosen.tolist() == naive_k_center(points, budget, centers)


def test_a_tensor_in_single_precision_gives_the_same_choice_where_no_tie_is_near() -> None:
    """And more centres than are measured at a time."""
    points = mixture(400, np.random.default_rng(3)).astype(np.float32)
    tensor, exact = torch.as_tensor(points), points.astype(np.float64)
    assert k_center_greedy(tensor[40:], 30, tensor[:40]).tolist() == naive_k_center(exact[40:], 30, exact[:40])


def test_a_tensor_that_cannot_be_measured_is_refused() -> None:
    """As an array is."""
    points = torch.zeros(3, 2)
    with pytest.raises(InvalidInput, match=r"centers must be \(N, 2\)"):
        k_center_greedy(points, 1, torch.zeros(1, 3))
    with pytest.raises(InvalidInput, match="NaN"):
        k_center_greedy(torch.full((2, 2), torch.nan), 1)
    with pytest.raises(InvalidInput, match="floating point"):
        k_center_greedy(torch.zeros(2, 2, dtype=torch.int64), 1)
    with pytest.raises(PoolExhausted):
        k_center_greedy(points, 4)
