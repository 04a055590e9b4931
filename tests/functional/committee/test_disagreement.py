"""Scores of posterior draws against plain Python and against theorems of information theory."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional import (
    bald,
    consensus_kl,
    entropy,
    mean_std,
    predictive_entropy,
    variation_ratio,
    vote_entropy,
)

Score = Callable[[NDArray[Any]], NDArray[np.float64]]
Draws = list[list[float]]
SCORES: list[Score] = [predictive_entropy, bald, mean_std, variation_ratio, vote_entropy, consensus_kl]


@st.composite
def posteriors(draw: st.DrawFn) -> NDArray[np.float64]:
    """Draws from nearly equal to contradictory and one-hot, with exact zeros among the sparse ones."""
    count, draws, classes = draw(st.integers(1, 10)), draw(st.integers(1, 8)), draw(st.integers(1, 6))
    concentration = draw(st.sampled_from([1e-4, 0.01, 0.3, 1.0, 100.0]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return rng.dirichlet(np.full(classes, concentration), size=(count, draws))


def _slow_mean(draws: Draws) -> list[float]:
    return [math.fsum(column) / len(draws) for column in zip(*draws, strict=True)]


def _slow_entropy(row: list[float]) -> float:
    return -math.fsum(p * math.log(p) for p in row if p > 0)


def _slow_predictive_entropy(draws: Draws) -> float:
    return _slow_entropy(_slow_mean(draws))


def _slow_bald(draws: Draws) -> float:
    return _slow_predictive_entropy(draws) - math.fsum(map(_slow_entropy, draws)) / len(draws)


def _slow_mean_std(draws: Draws) -> float:
    columns = zip(zip(*draws, strict=True), _slow_mean(draws), strict=True)
    return math.fsum(
        math.sqrt(math.fsum((p - mean) ** 2 for p in column) / len(draws)) for column, mean in columns
    ) / len(draws[0])


def _slow_votes(draws: Draws) -> list[float]:
    return [count / len(draws) for count in Counter(row.index(max(row)) for row in draws).values()]


def _slow_variation_ratio(draws: Draws) -> float:
    return 1 - max(_slow_votes(draws))


def _slow_vote_entropy(draws: Draws) -> float:
    return _slow_entropy(_slow_votes(draws))


def _slow_consensus_kl(draws: Draws) -> float:
    consensus = _slow_mean(draws)
    return math.fsum(
        p * math.log(p / q) for row in draws for p, q in zip(row, consensus, strict=True) if p > 0 < q
    ) / len(draws)


@pytest.mark.parametrize(
    ("score", "slow"),
    [
        (predictive_entropy, _slow_predictive_entropy),
        (bald, _slow_bald),
        (mean_std, _slow_mean_std),
        (variation_ratio, _slow_variation_ratio),
        (vote_entropy, _slow_vote_entropy),
        (consensus_kl, _slow_consensus_kl),
    ],
)
@given(samples=posteriors())
def test_scores_equal_plain_python(score: Score, slow: Callable[[Draws], float], samples: NDArray[np.float64]) -> None:
    """Each score is its textbook formula, computed number by number; zero probabilities add nothing.

    For ``consensus_kl`` the formula is the Kullback-Leibler divergence itself, not that of ``bald``.
    """
    expected = [slow(draws) for draws in samples.tolist()]
    np.testing.assert_allclose(score(samples), expected, rtol=1e-9, atol=1e-12)


@given(samples=posteriors())
def test_mutual_information_lies_between_zero_and_the_predictive_entropy(
    samples: NDArray[np.float64],
) -> None:
    """Jensen's inequality below, the entropy of the label above, and log T because a draw is one of T."""
    information = bald(samples)
    assert (information >= 0).all()
    assert (information <= predictive_entropy(samples) + 1e-12).all()
    assert (information <= math.log(samples.shape[1]) + 1e-12).all()


@given(samples=posteriors())
def test_votes_are_bounded_by_draws_and_classes(samples: NDArray[np.float64]) -> None:
    """T votes for C classes spread over at most min(T, C) of them."""
    most = min(samples.shape[1:])
    assert (vote_entropy(samples) <= math.log(most) + 1e-12).all()
    assert (variation_ratio(samples) <= 1 - 1 / samples.shape[2] + 1e-12).all()


@pytest.mark.parametrize("score", SCORES)
@given(samples=posteriors(), seed=st.integers(0, 1000))
def test_scores_follow_their_rows_and_ignore_the_order_of_draws(
    score: Score, samples: NDArray[np.float64], seed: int
) -> None:
    """Permuting samples permutes the scores; permuting draws changes nothing."""
    rng = np.random.default_rng(seed)
    rows, draws = rng.permutation(len(samples)), rng.permutation(samples.shape[1])
    np.testing.assert_array_equal(score(samples[rows]), score(samples)[rows])
    np.testing.assert_allclose(score(samples[:, draws]), score(samples), rtol=1e-9, atol=1e-12)


@given(samples=posteriors())
def test_draws_that_agree_leave_no_disagreement(samples: NDArray[np.float64]) -> None:
    """With one draw repeated, disagreement is zero and the predictive entropy is the draw's entropy."""
    repeated = np.repeat(samples[:, :1], 5, axis=1)
    for score in (bald, mean_std, variation_ratio, vote_entropy, consensus_kl):
        np.testing.assert_allclose(score(repeated), 0, atol=1e-12)
    np.testing.assert_allclose(predictive_entropy(repeated), entropy(samples[:, 0]), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("classes", [2, 5, 10])
def test_draws_that_contradict_reach_the_maxima(classes: int) -> None:
    """Each of C draws certain of its own class: information and vote entropy are log C, the rest follows."""
    samples = np.eye(classes)[np.newaxis]
    for score in (predictive_entropy, bald, vote_entropy, consensus_kl):
        np.testing.assert_allclose(score(samples), math.log(classes))
    np.testing.assert_allclose(variation_ratio(samples), 1 - 1 / classes)
    np.testing.assert_allclose(mean_std(samples), math.sqrt(classes - 1) / classes)


def test_noise_is_not_taken_for_disagreement() -> None:
    """Draws that are all unsure alike have the highest predictive entropy and no mutual information."""
    unsure = np.full((1, 20, 4), 0.25)
    np.testing.assert_allclose(predictive_entropy(unsure), math.log(4))
    np.testing.assert_allclose(bald(unsure), 0, atol=1e-12)


@pytest.mark.parametrize("score", SCORES)
def test_single_precision_is_enough(score: Score) -> None:
    """Float32 samples lose hardly more than their own rounding over many draws and classes."""
    samples = np.random.default_rng(0).dirichlet(np.full(100, 0.1), size=(20, 100)).astype(np.float32)
    scores = score(samples)
    assert scores.dtype == score(samples.astype(np.float16)).dtype == np.float64
    np.testing.assert_allclose(scores, score(samples.astype(np.float64)), atol=1e-6)


@pytest.mark.parametrize("score", SCORES)
def test_large_pools_score_as_their_rows_do(score: Score) -> None:
    """What is computed in blocks is what is computed row by row, also from (N, C, T) arrays seen as (N, T, C)."""
    samples = np.random.default_rng(0).dirichlet(np.ones(4), size=(20_000, 6))
    expected = np.concatenate([score(samples[start : start + 777]) for start in range(0, len(samples), 777)])
    np.testing.assert_array_equal(score(samples), expected)
    turned = np.ascontiguousarray(samples.swapaxes(1, 2)).swapaxes(1, 2)
    np.testing.assert_allclose(score(turned), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("score", SCORES)
def test_probabilities_without_draws_are_refused(score: Score) -> None:
    """(N, C) is never taken for one draw."""
    with pytest.raises(InvalidInput, match=r"samples must be \(N, T, C\)"):
        score(np.full((4, 2), 0.5))


@pytest.mark.peers
@pytest.mark.parametrize("concentration", [0.01, 1.0, 100.0])
def test_bald_and_entropy_are_baals(concentration: float) -> None:
    """Baal's heuristics take (N, C, T)."""
    heuristics = pytest.importorskip("baal.active.heuristics")
    samples = np.random.default_rng(0).dirichlet(np.full(6, concentration), size=(100, 8))
    by_class = samples.swapaxes(1, 2)
    np.testing.assert_allclose(bald(samples), heuristics.BALD().compute_score(by_class), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(
        predictive_entropy(samples), heuristics.Entropy().compute_score(by_class), rtol=1e-6, atol=1e-6
    )


@pytest.mark.peers
@pytest.mark.parametrize("concentration", [0.01, 1.0, 100.0])
def test_committee_scores_are_scikit_activemls(concentration: float) -> None:
    """Its vote entropy takes the votes, (N, T), its divergence the members' probabilities, (T, N, C), clipped."""
    pool = pytest.importorskip("skactiveml.pool._query_by_committee")
    samples = np.random.default_rng(0).dirichlet(np.full(6, concentration), size=(100, 8))
    divergence = pool.average_kl_divergence(samples.swapaxes(0, 1).copy())  # it writes into its argument
    np.testing.assert_allclose(consensus_kl(samples), divergence, rtol=1e-5, atol=1e-5)
    classes = np.arange(samples.shape[2])
    np.testing.assert_allclose(vote_entropy(samples), pool.vote_entropy(samples.argmax(axis=2), classes), atol=1e-9)
