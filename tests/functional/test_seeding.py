"""Random spreading and clusters: distributions, geometry, and duplicates."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import chisquare

from alframe.errors import InvalidInput, PoolExhausted
from alframe.functional import k_means_plus_plus

Points = NDArray[np.float64]


def blobs(count: int, size: int, seed: int = 0) -> tuple[Points, NDArray[np.int64]]:
    """``count`` tight clusters far from each other, shuffled, and which point belongs to which."""
    rng = np.random.default_rng(seed)
    which = rng.permutation(np.repeat(np.arange(count), size))
    return 100.0 * np.eye(count)[which] + rng.normal(size=(count * size, count)), which


def test_draws_follow_the_squared_distances() -> None:
    """The first draw is uniform, the second by squared distance: chi-square on 6000 pairs of draws.

    The origin is far from the points: a loop that begins with a centre of zeros would fail.
    """
    points = np.array([[100.0], [101.0], [103.0], [110.0]])
    squared = (points - points.T) ** 2
    chances = squared / squared.sum(axis=1, keepdims=True) / len(points)
    rng, counts = np.random.default_rng(0), np.zeros_like(chances)
    for _ in range(6000):
        counts[tuple(k_means_plus_plus(points, 2, rng=rng))] += 1
    possible = chances > 0
    assert counts[~possible].sum() == 0
    assert chisquare(counts[possible], 6000 * chances[possible]).pvalue > 0.01


def test_weights_multiply_the_chances() -> None:
    """The first draw by weight, the second by weight times squared distance: chi-square on 6000 pairs."""
    points, weights = np.array([[0.0], [1.0], [3.0]]), np.array([1.0, 2.0, 5.0])
    squared = weights * (points - points.T) ** 2
    chances = (weights / weights.sum())[:, np.newaxis] * squared / squared.sum(axis=1, keepdims=True)
    rng, counts = np.random.default_rng(0), np.zeros_like(chances)
    for _ in range(6000):
        counts[tuple(k_means_plus_plus(points, 2, weights=weights, rng=rng))] += 1
    possible = chances > 0
    assert chisquare(counts[possible], 6000 * chances[possible]).pvalue > 0.01


def test_points_without_weight_are_never_drawn() -> None:
    """They do not count as pool either, and not even duplicates bring them in."""
    points, weights = np.zeros((6, 2)), np.array([0.0, 1.0, 0.0, 1.0, 1.0, 0.0])
    chosen = k_means_plus_plus(points, 3, weights=weights, rng=np.random.default_rng(0))
    assert sorted(chosen.tolist()) == [1, 3, 4]
    with pytest.raises(PoolExhausted, match="the pool holds 3"):
        k_means_plus_plus(points, 4, weights=weights, rng=np.random.default_rng(0))


@pytest.mark.parametrize("weights", [np.ones(3), np.array([1.0, -1.0]), np.array([1.0, np.nan]), np.ones((2, 1))])
def test_weights_that_are_no_weights_are_refused(weights: Points) -> None:
    """Another length or shape, a negative, a NaN."""
    with pytest.raises(InvalidInput, match="weights must be 2 finite numbers"):
        k_means_plus_plus(np.zeros((2, 1)), 1, weights=weights, rng=np.random.default_rng(0))


@given(seed=st.integers(0, 1000), budget=st.integers(1, 12), distinct=st.integers(1, 4))
def test_duplicates_are_drawn_only_when_nothing_else_is_left(seed: int, budget: int, distinct: int) -> None:
    """Positions never repeat, and the first draws are of as many different points as there are."""
    points = np.random.default_rng(0).normal(size=(distinct, 3))[np.arange(12) % distinct]
    chosen = k_means_plus_plus(points, budget, rng=np.random.default_rng(seed))
    assert len(set(chosen.tolist())) == budget
    assert len(np.unique(points[chosen[:distinct]], axis=0)) == min(budget, distinct)


def test_far_clusters_get_one_draw_each() -> None:
    """Eight clusters whose distances dwarf their sizes are hit by eight draws, for every one of 20 seeds."""
    points, which = blobs(8, 20)
    for seed in range(20):
        chosen = k_means_plus_plus(points, 8, rng=np.random.default_rng(seed))
        assert len(set(which[chosen])) == 8
