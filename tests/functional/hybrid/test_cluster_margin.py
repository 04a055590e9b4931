"""Turns of clusters against the paper's loop, and clusters against scikit-learn."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.distance import pdist
from sklearn.cluster import AgglomerativeClustering

from alframe.errors import InvalidInput
from alframe.functional import cluster_margin, margin
from alframe.functional.hybrid.cluster_margin import _condensed_distances

Points = NDArray[np.float64]


def some(count: int, seed: int, width: int = 3) -> tuple[Points, Points]:
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(4), count), rng.normal(size=(count, width))


def shares_by_the_papers_loop(sizes: list[int], budget: int) -> list[int]:
    """How many each cluster gives: round after round one each, the smallest first, until the budget is met."""
    shares = [0] * len(sizes)
    while True:
        for cluster in sorted(range(len(sizes)), key=lambda c: sizes[c]):
            if sum(shares) == budget:
                return shares
            shares[cluster] += shares[cluster] < sizes[cluster]


@pytest.mark.parametrize("threshold", [None, 1.5])
@given(seed=st.integers(0, 1000), budget=st.integers(1, 30), factor=st.sampled_from([1.0, 2.5, 10.0]))
def test_clusters_of_the_unsure_take_turns(seed: int, budget: int, factor: float, threshold: float | None) -> None:
    """As many from each cluster as the paper's loop takes; the clusters are scikit-learn's of the smallest margins."""
    probs, embeddings = some(60, seed)
    rng = np.random.default_rng(seed)
    chosen = cluster_margin(probs, embeddings, budget, factor=factor, threshold=threshold, rng=rng)
    assert len(set(chosen.tolist())) == budget
    unsure = np.argsort(-margin(probs))[: round(factor * budget)]
    assert set(chosen) <= set(unsure)
    cluster = np.zeros(1, dtype=np.int64)
    if len(unsure) > 1:
        clusters = budget if threshold is None else None
        linkage = AgglomerativeClustering(clusters, linkage="average", distance_threshold=threshold)
        cluster = linkage.fit_predict(embeddings[unsure])
    names, sizes = np.unique(cluster, return_counts=True)
    given = [int((cluster[np.isin(unsure, chosen)] == name).sum()) for name in names]
    # Which of several clusters of one size comes first is not settled: compare shares size by size.
    expected = shares_by_the_papers_loop(sizes.tolist(), budget)
    assert sorted(zip(sizes, given, strict=True)) == sorted(zip(sizes, expected, strict=True))


def test_the_smallest_cluster_gives_first_and_chance_says_which_of_it() -> None:
    """Three clusters of 1, 3 and 6 alike in margin: the single one always, and every other in turn."""
    which = np.repeat([2, 0, 1], [6, 1, 3])
    probs, embeddings = np.full((10, 2), 0.5), 100.0 * np.eye(3)[which]
    drawn = set()
    for seed in range(60):
        chosen = cluster_margin(probs, embeddings, 3, threshold=1.0, rng=np.random.default_rng(seed))
        assert which[chosen].tolist() == [0, 1, 2]
        drawn |= set(chosen.tolist())
    assert drawn == set(range(10))


def test_sure_samples_are_left_out_however_far_they_are() -> None:
    """Only the smallest margins are clustered."""
    probs = np.vstack([np.full((20, 2), 0.5), np.tile([0.9, 0.1], (80, 1))])
    embeddings = np.random.default_rng(0).normal(size=(100, 2))
    embeddings[20:] *= 1000
    assert cluster_margin(probs, embeddings, 2, rng=np.random.default_rng(0)).max() < 20


@pytest.mark.parametrize("budget", [1, 11, 12])
def test_copies_of_a_sample_are_chosen_once_each(budget: int) -> None:
    """One cluster of equals, whatever the cut."""
    probs, embeddings = np.full((12, 2), 0.5), np.ones((12, 3))
    for threshold in (None, 0.0):
        chosen = cluster_margin(probs, embeddings, budget, threshold=threshold, rng=np.random.default_rng(0))
        assert len(set(chosen.tolist())) == budget


@pytest.mark.parametrize("leaves", [40, 4096])
def test_many_unsure_samples_are_linked_by_cells(leaves: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight far clusters of 50 are found through 40 cells as they are point by point: one of each is chosen."""
    monkeypatch.setattr(sys.modules[cluster_margin.__module__], "LEAVES", leaves)
    rng = np.random.default_rng(0)
    which = rng.permutation(np.repeat(np.arange(8), 50))
    embeddings = 100 * np.eye(8)[which] + rng.normal(size=(400, 8))
    chosen = cluster_margin(np.full((400, 2), 0.5), embeddings, 8, factor=50, rng=rng)
    assert len(set(which[chosen])) == 8


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_distances_are_those_of_scipy(offset: float) -> None:
    """In the same order, block after block, wherever the points lie."""
    points = np.random.default_rng(0).normal(size=(600, 5)) + offset
    np.testing.assert_allclose(_condensed_distances(points), pdist(points), rtol=1e-6)


def test_factors_and_thresholds_without_meaning_are_refused() -> None:
    """Fewer than are asked for cannot be shortlisted, and no distance is negative."""
    probs, embeddings = some(9, 0)
    for wrong in ({"factor": 0.5}, {"factor": np.inf}, {"threshold": -1.0}, {"threshold": np.nan}):
        with pytest.raises(InvalidInput, match="factor must be at least 1 and threshold not negative"):
            cluster_margin(probs, embeddings, 2, rng=np.random.default_rng(0), **wrong)
