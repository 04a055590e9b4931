"""Kernel coverage against its definition, the theorem on greedy choice, and another library."""

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
from alframe.functional import max_herding, separation, unit_length
from alframe.functional.coverage import herding

Points = NDArray[np.float64]


def coverage(points: Points, covering: Points, weights: Points, bandwidth: float) -> float:
    """The definition: each point's weight times its largest kernel to what covers it, summed."""
    kernel = np.exp(-((cdist(points, covering) / bandwidth) ** 2))
    return float(weights @ kernel.max(axis=1, initial=0))


def best_next(points: Points, covering: Points, weights: Points, bandwidth: float) -> float:
    """The coverage that the best next choice reaches."""
    return max(coverage(points, np.vstack([covering, point]), weights, bandwidth) for point in points)


@pytest.mark.parametrize("bandwidth", [0.03, 1.0, 5.0])
@pytest.mark.parametrize("labelled", [0, 9])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_each_choice_covers_as_much_as_any_other_would(
    bandwidth: float, labelled: int, weighted: bool, offset: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In several tiles; narrow and wide, with and without weights and labelled points, far from the origin."""
    monkeypatch.setattr(herding, "TILE", 32)
    rng = np.random.default_rng(0)
    points, covering = rng.normal(size=(80, 4)) + offset, rng.normal(size=(labelled, 4)) + offset
    weights = rng.exponential(size=80) if weighted else np.ones(80)
    chosen = max_herding(points, 15, covering, weights=weights if weighted else None, bandwidth=bandwidth)
    for position in chosen:
        best = best_next(points, covering, weights, bandwidth)
        covering = np.vstack([covering, points[position]])
        assert coverage(points, covering, weights, bandwidth) == pytest.approx(best, rel=1e-5)


@given(
    points=arrays(np.float64, (9, 2), elements=st.integers(0, 3).map(float)),
    weights=arrays(np.float64, 9, elements=st.sampled_from([0.0, 0.5, 1.0])),
    budget=st.integers(1, 4),
)
def test_greedy_choice_is_within_1_minus_1_over_e_of_the_best(points: Points, weights: Points, budget: int) -> None:
    """Nemhauser, Wolsey & Fisher's theorem, against every subset."""
    best = max(coverage(points, points[list(subset)], weights, 1.0) for subset in combinations(range(9), budget))
    reached = coverage(points, points[max_herding(points, budget, weights=weights)], weights, 1.0)
    assert reached >= (1 - 1 / np.e) * best - 1e-6


@given(seed=st.integers(0, 100))
def test_the_order_of_the_pool_does_not_matter(seed: int) -> None:
    """A permutation of the points and their weights permutes the choice."""
    rng = np.random.default_rng(seed)
    points, weights, order = rng.normal(size=(60, 2)), rng.uniform(0.5, 1, 60), rng.permutation(60)
    chosen = max_herding(points, 5, weights=weights)
    assert order[max_herding(points[order], 5, weights=weights[order])].tolist() == chosen.tolist()


@pytest.mark.parametrize("budget", [1, 3, 12])
def test_duplicates_cover_each_other(budget: int) -> None:
    """Each of three places is chosen once before any of them is chosen again."""
    points = np.repeat(np.array([[0.0], [4.0], [8.0]]), 4, axis=0)
    chosen = max_herding(points, budget)
    assert len(set(chosen.tolist())) == budget
    assert len({int(position) // 4 for position in chosen[:3]}) == min(budget, 3)


def test_a_narrow_kernel_takes_the_heaviest() -> None:
    """Where no point covers another, uncertainty herding is uncertainty sampling (Bae et al. 2025)."""
    rng = np.random.default_rng(0)
    points, weights = rng.normal(size=(100, 8)), rng.uniform(size=100)
    chosen = max_herding(points, 20, weights=weights, bandwidth=1e-3)
    assert chosen.tolist() == np.argsort(-weights)[:20].tolist()


def test_without_weight_there_is_still_a_choice() -> None:
    """All weights zero: the lowest positions."""
    assert max_herding(np.eye(4), 3, weights=np.zeros(4)).tolist() == [0, 1, 2]


@given(points=arrays(np.float64, (12, 2), elements=st.integers(0, 4).map(float)))
def test_the_separation_is_the_smallest_distance_that_is_not_zero(points: Points) -> None:
    """Duplicates do not count; where all coincide there is none."""
    distances = cdist(points, points)
    assert separation(points) == distances[distances > 0].min(initial=np.inf)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_direction_made_of_several_vectors_is_one_point(dtype: type[np.float32 | np.float64]) -> None:
    """Multiples of a vector differ by a rounding when their length is made one; the separation passes over it."""
    vectors = np.random.default_rng(0).normal(size=(6, 32))
    multiples = unit_length(np.vstack([factor * vectors.astype(dtype) for factor in (1, 3, 5, 7, 11)]).astype(dtype))
    assert len(np.unique(multiples, axis=0)) > 6
    assert separation(multiples) == pytest.approx(separation(unit_length(vectors)), rel=1e-5)
    assert separation(unit_length(np.outer([1, 3, 5, 7], vectors[0].astype(dtype)))) == np.inf


@pytest.mark.parametrize("bandwidth", [0.0, -1.0, np.nan, np.inf])
def test_a_bandwidth_that_is_none_is_refused(bandwidth: float) -> None:
    """Zero, negative, NaN, infinite."""
    with pytest.raises(InvalidInput, match="bandwidth must be positive and finite"):
        max_herding(np.zeros((3, 2)), 1, bandwidth=bandwidth)


def test_what_cannot_be_covered_is_refused() -> None:
    """Centres of another width, weights of another length, a budget larger than the pool."""
    with pytest.raises(InvalidInput, match=r"centers must be \(N, 2\)"):
        max_herding(np.zeros((3, 2)), 1, np.zeros((1, 3)))
    with pytest.raises(InvalidInput, match="weights must be 3 finite numbers"):
        max_herding(np.zeros((3, 2)), 1, weights=np.ones(2))
    with pytest.raises(PoolExhausted, match="the pool holds 3"):
        max_herding(np.zeros((3, 2)), 4)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_scikit_activeml_chooses_the_same() -> None:
    """Without labels, over unit vectors: its kernel matrix is our definition."""
    pool: Any = pytest.importorskip("skactiveml.pool")
    points = np.random.default_rng(0).normal(size=(120, 6))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    theirs = pool.MaxHerding(metric="rbf", metric_dict={"gamma": 1.0}, random_state=0)
    chosen = theirs.query(points, np.full(120, np.nan), batch_size=12)
    assert max_herding(points, 12).tolist() == chosen.tolist()
