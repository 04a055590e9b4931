"""k-means against its definition: middles of clusters, weights, duplicates."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from alframe.errors import InvalidInput, PoolExhausted
from alframe.functional import k_means

Points = NDArray[np.float64]


def blobs(count: int, size: int, seed: int = 0) -> tuple[Points, NDArray[np.int64]]:
    """``count`` tight clusters far from each other, shuffled, and which point belongs to which."""
    rng = np.random.default_rng(seed)
    which = rng.permutation(np.repeat(np.arange(count), size))
    return 100.0 * np.eye(count)[which] + rng.normal(size=(count * size, count)), which


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_k_means_chooses_the_middle_of_each_cluster(offset: float) -> None:
    """The point nearest to the mean of each far cluster, even where float32 would have few digits left."""
    points, which = blobs(4, 30)
    middles = set()
    for blob in range(4):
        members = np.flatnonzero(which == blob)
        distances = np.linalg.norm(points[members] - points[members].mean(axis=0), axis=1)
        middles.add(int(members[distances.argmin()]))
    # FAISS begins with random points and may stay in a poor optimum, so some seeds merge two clusters.
    found = [set(k_means(points + offset, 4, rng=np.random.default_rng(seed)).tolist()) for seed in range(20)]
    assert middles in found


@pytest.mark.parametrize("distinct", [1, 2, 3, 10])
@pytest.mark.parametrize("budget", [1, 3, 7, 30])
def test_k_means_gives_distinct_positions_where_clusters_are_empty(distinct: int, budget: int) -> None:
    """Fewer different points than clusters: centroids fall together, positions do not."""
    points = np.random.default_rng(0).normal(size=(distinct, 4))[np.arange(30) % distinct]
    chosen = k_means(points, budget, rng=np.random.default_rng(0))
    assert len(set(chosen.tolist())) == budget
    assert chosen.min() >= 0
    assert chosen.max() < 30


def test_k_means_speaks_to_nobody(capfd: pytest.CaptureFixture[str]) -> None:
    """FAISS would warn on the error stream that an active-learning pool is small for its clusters."""
    k_means(blobs(4, 10)[0], 20, rng=np.random.default_rng(0))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("seed", range(5))
def test_one_cluster_is_chosen_nearest_to_the_weighted_mean(seed: int) -> None:
    """With K = 1 the centroid is known without iterations: weights draw it to the points that have them."""
    rng = np.random.default_rng(seed)
    points, weights = rng.normal(size=(50, 3)), rng.exponential(size=50) ** 3
    mean = weights @ points / weights.sum()
    nearest = np.linalg.norm(points - mean, axis=1).argmin()
    assert k_means(points, 1, weights=weights, rng=rng).tolist() == [nearest]
    assert k_means(points, 1, weights=1e-30 * weights, rng=rng).tolist() == [nearest]


def test_points_without_weight_are_left_out() -> None:
    """They draw no centroid, are never chosen, and do not count as pool."""
    points, weights = np.array([[0.0], [1.0], [2.0], [1e6]]), np.array([1.0, 0.0, 1.0, 0.0])
    assert sorted(k_means(points, 2, weights=weights, rng=np.random.default_rng(0)).tolist()) == [0, 2]
    with pytest.raises(PoolExhausted, match="the pool holds 2"):
        k_means(points, 3, weights=weights, rng=np.random.default_rng(0))


@pytest.mark.parametrize("weights", [np.ones(3), np.array([1.0, -1.0]), np.array([1.0, np.nan])])
def test_weights_that_are_no_weights_are_refused(weights: Points) -> None:
    """Another length, a negative, a NaN."""
    with pytest.raises(InvalidInput, match="weights must be 2 finite numbers"):
        k_means(np.zeros((2, 1)), 1, weights=weights, rng=np.random.default_rng(0))
