"""Scores of one predictive distribution against plain Python and against theorems."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional import entropy, least_confidence, margin

Score = Callable[[NDArray[Any]], NDArray[np.float64]]
SCORES: list[Score] = [least_confidence, margin, entropy]


@st.composite
def distributions(draw: st.DrawFn) -> NDArray[np.float64]:
    """Rows from nearly uniform to exactly one-hot, with exact zeros among the sparse ones."""
    count, classes = draw(st.integers(1, 20)), draw(st.integers(1, 12))
    concentration = draw(st.sampled_from([1e-4, 0.01, 0.3, 1.0, 100.0]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return rng.dirichlet(np.full(classes, concentration), size=count)


def _slow_least_confidence(row: list[float]) -> float:
    return 1 - max(row)


def _slow_margin(row: list[float]) -> float:
    first, second = sorted([*row, 0.0], reverse=True)[:2]
    return 1 - (first - second)


def _slow_entropy(row: list[float]) -> float:
    return -math.fsum(p * math.log(p) for p in row if p > 0)


@pytest.mark.parametrize(
    ("score", "slow"),
    [(least_confidence, _slow_least_confidence), (margin, _slow_margin), (entropy, _slow_entropy)],
)
@given(probs=distributions())
def test_scores_equal_plain_python(
    score: Score, slow: Callable[[list[float]], float], probs: NDArray[np.float64]
) -> None:
    """Each score is its textbook formula, computed number by number; zero probabilities add nothing."""
    expected = [slow(row) for row in probs.tolist()]
    np.testing.assert_allclose(score(probs), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("score", SCORES)
@given(probs=distributions(), seed=st.integers(0, 1000))
def test_scores_follow_their_rows_and_ignore_the_order_of_classes(
    score: Score, probs: NDArray[np.float64], seed: int
) -> None:
    """Permuting samples permutes the scores; permuting classes changes nothing."""
    rng = np.random.default_rng(seed)
    rows, classes = rng.permutation(len(probs)), rng.permutation(probs.shape[1])
    np.testing.assert_array_equal(score(probs[rows]), score(probs)[rows])
    np.testing.assert_allclose(score(probs[:, classes]), score(probs), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("score", SCORES)
@given(probs=distributions())
def test_nothing_is_more_uncertain_than_uniform_or_less_than_one_hot(score: Score, probs: NDArray[np.float64]) -> None:
    """Every score lies between that of a certain row, which is zero, and that of a uniform row."""
    classes = probs.shape[1]
    highest = score(np.full((1, classes), 1 / classes))
    lowest = score(np.eye(1, classes))
    assert lowest == 0
    assert (score(probs) <= highest + 1e-12).all()
    assert (score(probs) >= -1e-12).all()


@pytest.mark.parametrize("classes", [1, 2, 10, 1000])
def test_uniform_rows_reach_the_known_maxima(classes: int) -> None:
    """Entropy is log C, least confidence 1 - 1/C and margin 1 (0 for a single class)."""
    uniform = np.full((1, classes), 1 / classes)
    np.testing.assert_allclose(entropy(uniform), math.log(classes), rtol=1e-12)
    np.testing.assert_allclose(least_confidence(uniform), 1 - 1 / classes)
    np.testing.assert_allclose(margin(uniform), float(classes > 1))


def test_half_the_classes_at_zero_is_the_entropy_of_the_other_half() -> None:
    """0 log 0 is 0: classes without probability change nothing, bit for bit."""
    half = np.array([[0.25, 0.75]])
    assert entropy(np.hstack([half, np.zeros((1, 2))])) == entropy(half)


def test_float32_keeps_single_precision_over_many_classes() -> None:
    """The sum over classes is carried in float64: rounding does not grow with their number."""
    probs = np.random.default_rng(0).dirichlet(np.ones(50_000), size=2)
    np.testing.assert_allclose(entropy(probs.astype(np.float32)), entropy(probs), rtol=1e-6)
    for score in SCORES:
        assert score(probs.astype(np.float16)).dtype == np.float64


@pytest.mark.parametrize("score", SCORES)
def test_logits_are_refused(score: Score) -> None:
    """Values that are no probabilities are never turned into some."""
    with pytest.raises(InvalidInput, match="apply a softmax first"):
        score(np.array([[2.0, -1.0]]))
