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
from scipy.special import softmax

from alframe.errors import InvalidInput
from alframe.functional import entropy, from_logits, least_confidence, margin

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
    """Rounding hardly grows with the number of classes: 2e-6 of the entropy at ten thousand."""
    probs = np.random.default_rng(0).dirichlet(np.ones(10_000), size=50)
    np.testing.assert_allclose(entropy(probs.astype(np.float32)), entropy(probs), rtol=2e-6)
    for score in SCORES:
        assert score(probs.astype(np.float16)).dtype == np.float64


@pytest.mark.parametrize("score", SCORES)
def test_large_pools_score_as_their_rows_do(score: Score) -> None:
    """What is computed in blocks is what is computed row by row, whatever the layout in memory."""
    probs = np.random.default_rng(0).dirichlet(np.ones(7), size=100_000)
    expected = np.concatenate([score(probs[start : start + 999]) for start in range(0, len(probs), 999)])
    np.testing.assert_array_equal(score(probs), expected)
    np.testing.assert_allclose(score(np.asfortranarray(probs)), expected, rtol=1e-12)


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize(("dtype", "rtol"), [(np.float16, 2e-3), (np.float32, 2e-6), (np.float64, 1e-12)])
def test_logits_score_as_their_softmax(score: Score, dtype: type[np.floating[Any]], rtol: float) -> None:
    """In the precision of the logits, many thousand rows at once, for logits from 0 to far beyond exp's range."""
    rng = np.random.default_rng(0)
    logits = (rng.normal(size=(40_000, 9)) * rng.choice([0.0, 1.0, 30.0, 1000.0], size=(40_000, 1))).astype(dtype)
    expected = score(softmax(logits.astype(np.float64), axis=1))
    np.testing.assert_allclose(from_logits(logits, score), expected, rtol=rtol, atol=rtol)


def test_minus_infinity_rules_a_class_out() -> None:
    """Such a class has no probability; what is no number, or leaves no class, is refused with its place."""
    inf = math.inf
    assert from_logits(np.array([[0.0, 0.0, -inf]]), entropy) == pytest.approx(math.log(2))
    for bad in (math.nan, inf):
        with pytest.raises(
            InvalidInput, match="logits has 1 rows with NaN or infinite values, the first at position 1"
        ):
            from_logits(np.array([[0.0, 1.0], [0.0, bad]]), entropy)
    with pytest.raises(InvalidInput, match="the first at position 0"):
        from_logits(np.array([[-inf, -inf]]), entropy)


def test_what_is_no_logits_is_refused() -> None:
    """Other shapes, no classes, integers; an empty pool is no mistake."""
    with pytest.raises(InvalidInput, match=r"logits must be \(N, D\)"):
        from_logits(np.zeros(3), entropy)
    with pytest.raises(InvalidInput, match="with D > 0"):
        from_logits(np.zeros((3, 0)), entropy)
    with pytest.raises(InvalidInput, match="floating point, got int64"):
        from_logits(np.zeros((3, 2), dtype=np.int64), entropy)
    assert from_logits(np.zeros((0, 2)), entropy).shape == (0,)


@pytest.mark.parametrize("score", SCORES)
def test_logits_are_refused(score: Score) -> None:
    """Values that are no probabilities are never turned into some."""
    with pytest.raises(InvalidInput, match="apply a softmax first"):
        score(np.array([[2.0, -1.0]]))
