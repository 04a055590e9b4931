"""Covers by balls, and the radius of pure balls, against their definitions and another library."""

from __future__ import annotations

import sys
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
from alframe.functional import prob_cover, purity_radius
from alframe.functional.geometry.clustering import assign, centroids

Points = NDArray[np.float64]


def naive(points: Points, budget: int, radius: float, centers: Points) -> list[int]:
    """The definition over all pairs; where all is covered, what has not been chosen is uncovered again."""
    balls, chosen = cdist(points, points) <= radius, list[int]()
    uncovered = ~(cdist(points, centers) <= radius).any(axis=1)
    while len(chosen) < budget:
        left = [position for position in range(len(points)) if position not in chosen]
        if not uncovered.any():
            uncovered[left] = True
        best = max(left, key=lambda position: (balls[position] & uncovered).sum())
        chosen.append(best)
        uncovered &= ~balls[best]
    return chosen


def lattice(rows: int) -> st.SearchStrategy[Points]:
    """Small whole coordinates: distances are exact, ties and duplicates are common."""
    return arrays(np.float64, (rows, 2), elements=st.integers(0, 4).map(float))


@given(
    points=lattice(24), centers=lattice(2), labelled=st.booleans(), budget=st.integers(1, 24), radius=st.integers(0, 4)
)
def test_choices_equal_the_definition(
    points: Points, centers: Points, labelled: bool, budget: int, radius: int
) -> None:
    """On a lattice every tie and every point at the radius is exact: the order agrees to the last choice.

    Radius zero covers duplicates alone, and a budget of all begins one cover after another.
    """
    centers = centers if labelled else centers[:0]
    assert prob_cover(points, budget, float(radius), centers).tolist() == naive(points, budget, radius, centers)


@given(points=lattice(9), budget=st.integers(1, 3))
def test_the_cover_is_within_1_minus_1_over_e_of_the_best(points: Points, budget: int) -> None:
    """Nemhauser, Wolsey & Fisher's theorem, against every subset."""
    balls = cdist(points, points) <= 1
    best = max(balls[list(subset)].any(axis=0).sum() for subset in combinations(range(9), budget))
    assert balls[prob_cover(points, budget, 1.0)].any(axis=0).sum() >= (1 - 1 / np.e) * best


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("labelled", [0, 5])
def test_choices_equal_the_definition_on_embeddings(dtype: type[np.float32 | np.float64], labelled: int) -> None:
    """Far from the origin, in both precisions."""
    rng = np.random.default_rng(0)
    points = (rng.normal(size=(200, 8)) + 100).astype(dtype)
    centers = (rng.normal(size=(labelled, 8)) + 100).astype(dtype)
    expected = naive(points.astype(np.float64), 60, 2.5, centers.astype(np.float64))
    assert prob_cover(points, 60, 2.5, centers).tolist() == expected


def test_no_centers_is_the_same_said_twice() -> None:
    """``None`` and M = 0."""
    points = np.random.default_rng(0).normal(size=(30, 2))
    assert prob_cover(points, 9, 0.5).tolist() == prob_cover(points, 9, 0.5, points[:0]).tolist()


def purity_at(points: Points, cluster: NDArray[np.int64], radius: float) -> float:
    """The share of closed balls that hold one cluster only."""
    impure = (cdist(points, points) <= radius) & (cluster[:, np.newaxis] != cluster)
    return float(1 - impure.any(axis=1).mean())


@pytest.mark.parametrize("purity", [0.5, 0.9, 0.95, 1.0])
@pytest.mark.parametrize("clusters", [2, 7])
def test_the_purity_radius_is_the_largest_that_is_pure_enough(purity: float, clusters: int) -> None:
    """At it the share of pure balls suffices; a millionth farther it does not."""
    points = np.random.default_rng(clusters).normal(size=(200, 3))
    radius = purity_radius(points, clusters, purity=purity, rng=np.random.default_rng(1))
    cluster = assign(points, centroids(points, clusters, rng=np.random.default_rng(1)))
    assert purity_at(points, cluster, radius * (1 - 1e-12)) >= purity
    assert purity_at(points, cluster, radius * (1 + 1e-6)) < purity


def test_the_purity_radius_of_a_sample_is_near_that_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quantile over 2000 of 4000 points, drawn at random."""
    points = np.random.default_rng(0).normal(size=(4000, 2))
    exact = purity_radius(points, 5, rng=np.random.default_rng(1))
    monkeypatch.setattr(sys.modules[purity_radius.__module__], "MEASURED", 2000)
    assert purity_radius(points, 5, rng=np.random.default_rng(1)) == pytest.approx(exact, rel=0.3)


def test_points_that_coincide_have_no_radius() -> None:
    """One place is one cluster, however many are asked for."""
    assert purity_radius(np.ones((9, 2)), 3, rng=np.random.default_rng(0)) == 0
    assert purity_radius(np.ones((1, 2)), 2, rng=np.random.default_rng(0)) == 0


@pytest.mark.parametrize("radius", [-1.0, np.nan, np.inf])
def test_a_radius_that_is_none_is_refused(radius: float) -> None:
    """Negative, NaN, infinite."""
    with pytest.raises(InvalidInput, match="radius must be a finite number"):
        prob_cover(np.zeros((3, 2)), 1, radius)


def test_what_has_no_purity_is_refused() -> None:
    """One cluster is always pure; a purity of zero or above one means nothing; and the budget is checked."""
    rng = np.random.default_rng(0)
    for clusters, purity in [(1, 0.95), (2, 0.0), (2, 1.5)]:
        with pytest.raises(InvalidInput, match="two clusters and a purity"):
            purity_radius(np.zeros((3, 2)), clusters, purity=purity, rng=rng)
    with pytest.raises(PoolExhausted, match="the pool holds 3"):
        prob_cover(np.zeros((3, 2)), 4, 1.0)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_scikit_activeml_covers_as_much_with_each_choice() -> None:
    """The library breaks ties at random, so the counts of newly covered points are compared, not the positions."""
    pool: Any = pytest.importorskip("skactiveml.pool")
    points, radius = np.random.default_rng(0).normal(size=(150, 3)), 0.8
    theirs = pool.ProbCover(n_classes=2, deltas=[radius], random_state=0).query(
        points, np.full(150, np.nan), batch_size=10
    )
    balls = cdist(points, points) <= radius
    covered = [
        [balls[chosen[: k + 1]].any(axis=0).sum() for k in range(3)]
        for chosen in (prob_cover(points, 10, radius), theirs)
    ]
    assert covered[0] == covered[1]
