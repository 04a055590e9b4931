"""Entropy-weighted clusters against scikit-learn's, and what temperature does to them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.cluster import KMeans
from sklearn.metrics import pairwise_distances_argmin

from alframe.errors import InvalidInput
from alframe.functional import clue, entropy, k_means

Points = NDArray[np.float64]


def some(count: int = 300, seed: int = 0) -> tuple[Points, Points, Points]:
    """Logits, their probabilities, and embeddings."""
    rng = np.random.default_rng(seed)
    logits = 3 * rng.normal(size=(count, 4))
    return logits, softmax(logits, axis=1), rng.normal(size=(count, 3))


def weighted_spread(points: Points, weights: Points, chosen: NDArray[np.int64]) -> float:
    """What weighted k-means makes small, with the chosen points for centroids."""
    nearest = chosen[pairwise_distances_argmin(points, points[chosen])]
    return float(weights @ ((points - points[nearest]) ** 2).sum(axis=1) / weights.sum())


def test_its_clusters_are_as_tight_as_those_of_scikit_learn() -> None:
    """Weighted by entropy, within a tenth of ten starts of scikit-learn's weighted k-means, on average over seeds."""
    _, probs, points = some()
    weights = entropy(probs)
    ours = [weighted_spread(points, weights, clue(probs, points, 8, rng=np.random.default_rng(s))) for s in range(10)]
    fitted = KMeans(8, n_init=10, random_state=0).fit(points, sample_weight=weights)
    theirs = weighted_spread(points, weights, pairwise_distances_argmin(fitted.cluster_centers_, points))
    assert np.mean(ours) < 1.1 * theirs


@pytest.mark.parametrize("temperature", [0.05, 0.5, 1.0, 4.0])
def test_temperature_divides_the_logits(temperature: float) -> None:
    """The choice is that of k-means weighted by the entropy of the softmax of the divided logits."""
    logits, probs, points = some()
    weights = entropy(softmax(logits / temperature, axis=1))
    expected = k_means(points, 6, weights=np.maximum(weights, 1e-6 * weights.max()), rng=np.random.default_rng(0))
    assert clue(probs, points, 6, temperature=temperature, rng=np.random.default_rng(0)).tolist() == expected.tolist()


def test_the_unsure_draw_the_centroid() -> None:
    """Of a cluster with one unsure sample at its rim that one is chosen, and the middle one where all are alike."""
    points = np.array([[0.0], [1.0], [2.0], [3.0], [4.0]])
    probs = np.array([[0.999, 0.001]] * 4 + [[0.5, 0.5]])
    rng = np.random.default_rng(0)
    assert clue(probs, points, 1, rng=rng).tolist() == [4]
    assert clue(np.full((5, 2), 0.5), points, 1, rng=rng).tolist() == [2]


@pytest.mark.parametrize("budget", [1, 7, 12])
def test_certain_samples_have_clusters_too(budget: int) -> None:
    """All certain, all but one certain, one class: there are as many choices as were asked for."""
    points = np.random.default_rng(0).normal(size=(12, 3))
    certain = np.eye(2)[[0] * 12]
    one = certain.copy()
    one[3] = 0.5
    for probs in (certain, one, np.ones((12, 1))):
        for temperature in (0.01, 1.0, 100.0):
            chosen = clue(probs, points, budget, temperature=temperature, rng=np.random.default_rng(0))
            assert len(set(chosen.tolist())) == budget


@pytest.mark.parametrize("temperature", [0.0, -1.0, np.inf, np.nan])
def test_a_temperature_that_is_none_is_refused(temperature: float) -> None:
    """Zero, negative, infinite, not a number."""
    _, probs, points = some(9)
    with pytest.raises(InvalidInput, match="temperature must be a positive number"):
        clue(probs, points, 2, temperature=temperature, rng=np.random.default_rng(0))
