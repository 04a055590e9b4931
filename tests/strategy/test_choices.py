"""What each strategy finds worth a label, on pools where the answer is plain."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from alframe.strategy import (
    Badge,
    Bald,
    CoreSet,
    Entropy,
    KMeans,
    LeastConfidence,
    Margin,
    Random,
    Strategy,
    VariationRatio,
    VoteEntropy,
)
from alframe.types import Predictions


def _first(strategy: Strategy, **arrays: Any) -> int:
    ids = np.array([str(i) for i in range(len(next(iter(arrays.values()))))])
    return int(strategy.select(Predictions(ids, **arrays), 1, rng=np.random.default_rng(0)).positions[0])


@pytest.mark.parametrize(("strategy", "wanted"), [(LeastConfidence(), 1), (Margin(), 2), (Entropy(), 3)])
def test_uncertainty_strategies_differ_where_they_should(strategy: Strategy, wanted: int) -> None:
    """Four distributions: certain, lowest top probability, two-way tie, and most spread over the rest."""
    probs = np.array(
        [
            [0.97, 0.01, 0.01, 0.01, 0.00],
            [0.38, 0.34, 0.28, 0.00, 0.00],
            [0.50, 0.50, 0.00, 0.00, 0.00],
            [0.44, 0.14, 0.14, 0.14, 0.14],
        ]
    )
    assert _first(strategy, probs=probs) == wanted


@pytest.mark.parametrize(("strategy", "wanted"), [(Bald(), 1), (VariationRatio(), 2), (VoteEntropy(), 2)])
def test_disagreement_strategies_differ_where_they_should(strategy: Strategy, wanted: int) -> None:
    """Draws all unsure alike; draws whose certainty comes and goes; draws that vote apart, hardly sure."""
    samples = np.array(
        [
            [[0.50, 0.50], [0.50, 0.50], [0.50, 0.50], [0.50, 0.50]],
            [[1.00, 0.00], [1.00, 0.00], [1.00, 0.00], [0.00, 1.00]],
            [[0.51, 0.49], [0.51, 0.49], [0.49, 0.51], [0.49, 0.51]],
        ]
    )
    assert _first(strategy, samples=samples) == wanted


def test_core_set_goes_where_nothing_is_labelled() -> None:
    """The farthest from what is labelled, then from both; with none labelled, the farthest from the mean."""
    pool = Predictions(np.array(["a", "b", "c"]), embeddings=np.array([[0.0], [4.0], [10.0]]))
    labelled = Predictions(np.array(["d"]), embeddings=np.array([[10.0]]))
    rng = np.random.default_rng(0)
    assert CoreSet().select(pool, 2, labelled=labelled, rng=rng).positions.tolist() == [0, 1]
    assert CoreSet().select(pool, 2, rng=rng).positions.tolist() == [2, 0]


def test_k_means_takes_one_from_each_cluster() -> None:
    """Three tight clusters and a budget of three, for most seeds: a poor start may stay where it is."""
    rng = np.random.default_rng(0)
    embeddings = 100 * np.eye(3).repeat(20, axis=0) + rng.normal(size=(60, 3))
    pool = Predictions(np.arange(60).astype(str), embeddings=embeddings)
    chosen = [KMeans().select(pool, 3, rng=np.random.default_rng(seed)).positions // 20 for seed in range(20)]
    assert sum(len(set(clusters)) == 3 for clusters in chosen) > 10


def test_badge_begins_with_what_is_uncertain_and_strongly_felt() -> None:
    """The gradient is the product of both: an unsure sample with a long embedding comes first."""
    probs = np.array([[0.5, 0.5], [0.5, 0.5], [0.99, 0.01]])
    assert _first(Badge(), probs=probs, embeddings=np.array([[1.0], [3.0], [20.0]])) == 1


def test_random_draws_every_sample_equally_often() -> None:
    """2000 draws of 5 from 10: each sample about 1000 times, four standard deviations either way."""
    pool, rng = Predictions(np.arange(10).astype(str)), np.random.default_rng(0)
    drawn = np.concatenate([Random().select(pool, 5, rng=rng).positions for _ in range(2000)])
    assert (np.abs(np.bincount(drawn, minlength=10) - 1000) < 4 * np.sqrt(2000 * 0.25)).all()
