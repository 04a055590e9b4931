"""Changes of prediction, pseudo-losses and nearby corrections against loops that say what they are."""

from __future__ import annotations

import sys
import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from alframe.errors import InvalidInput
from alframe.functional import error_rate_nearby, forgetting, last_predicted, pseudo_loss

CLASSES = 3
histories = arrays(np.int64, st.tuples(st.just(5), st.integers(0, 6)), elements=st.integers(-1, CLASSES - 1))


def some_probs(count: int = 5, seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).dirichlet(np.ones(CLASSES), count)


@given(history=histories)
def test_forgetting_counts_changes_along_the_rounds(history: NDArray[np.int64]) -> None:
    """One list per sample, rounds without a prediction struck out, the class of today at its end."""
    probs = some_probs()
    for row, classes, score in zip(probs, history.tolist(), forgetting(probs, history), strict=True):
        path = [*(name for name in classes if name != -1), int(row.argmax())]
        changes = sum(before != after for before, after in pairwise(path))
        assert score == pytest.approx(changes + 1 - row.max())


@given(history=histories)
def test_pseudo_loss_is_the_loss_for_the_class_predicted_last(history: NDArray[np.int64]) -> None:
    """With no earlier prediction it is that of the favourite; it is never less than that."""
    probs = some_probs()
    losses = pseudo_loss(probs, history)
    for row, classes, loss in zip(probs, history.tolist(), losses, strict=True):
        known = [name for name in classes if name != -1]
        assert loss == pytest.approx(-np.log(row[known[-1]] if known else row.max()))
    assert (losses >= -np.log(probs.max(axis=1)) - 1e-12).all()


def test_certainty_of_another_class_is_a_finite_loss() -> None:
    """A probability of exactly zero gives the largest score there is, not an infinity."""
    losses = pseudo_loss(np.array([[1.0, 0.0], [0.999, 0.001]]), np.array([[1], [1]]))
    assert np.isfinite(losses).all()
    assert losses[0] > losses[1]


@given(history=histories)
def test_last_predicted_skips_what_is_missing(history: NDArray[np.int64]) -> None:
    """The last entry that is a class, in plain Python."""
    expected = [next((name for name in reversed(row) if name != -1), -1) for row in history.tolist()]
    assert last_predicted(history).tolist() == expected


@pytest.mark.parametrize("offset", [0.0, 1e4])
@pytest.mark.parametrize("neighbors", [1, 4, 30])
def test_nearby_errors_equal_a_loop_over_all_distances(neighbors: int, offset: float) -> None:
    """Ranks are those of float64 distances, wherever the points lie; a harmonic mean over ranks weighs them."""
    rng = np.random.default_rng(0)
    points, centers = rng.normal(size=(40, 3)) + offset, rng.normal(size=(12, 3)) + offset
    wrong = rng.random(12) < 0.4
    expected = []
    for row in cdist(points, centers):
        nearest = row.argsort()[:neighbors]
        weights = 1 / (np.arange(len(nearest)) + 1)
        expected.append((wrong[nearest] * weights).sum() / weights.sum())
    np.testing.assert_allclose(error_rate_nearby(points, centers, wrong, neighbors), expected)


def test_points_are_searched_for_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of one row each say the same, and no copy of the points is made."""
    rng = np.random.default_rng(0)
    points, centers, wrong = rng.normal(size=(40, 3)), rng.normal(size=(12, 3)), rng.random(12) < 0.4
    expected = error_rate_nearby(points, centers, wrong)
    many = rng.normal(size=(200_000, 32)).astype(np.float32)
    tracemalloc.start()
    error_rate_nearby(many, many[:12], wrong)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < many.nbytes
    monkeypatch.setattr(sys.modules[error_rate_nearby.__module__], "SEARCHED", 1)
    np.testing.assert_array_equal(error_rate_nearby(points, centers, wrong), expected)


def test_without_feedback_there_is_no_error_nearby() -> None:
    """No labelled sample, no score."""
    scores = error_rate_nearby(np.zeros((3, 2)), np.empty((0, 2)), np.empty(0, dtype=np.bool_))
    assert scores.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("history", "message"),
    [
        (np.zeros((4, 1), dtype=np.int64), r"history must be \(5, R\)"),
        (np.zeros((5, 1)), "class indices, got shape .* of float64"),
        (np.full((5, 1), 3), "history holds classes from 3 to 3; there are 3"),
    ],
)
def test_a_history_of_something_else_is_refused(history: NDArray[np.int64], message: str) -> None:
    """The message says what was there."""
    for function in (forgetting, pseudo_loss):
        with pytest.raises(InvalidInput, match=message):
            function(some_probs(), history)


def test_answers_that_are_not_one_per_center_are_refused() -> None:
    """So is asking for no neighbours."""
    with pytest.raises(InvalidInput, match=r"wrong must be \(2,\)"):
        error_rate_nearby(np.zeros((3, 2)), np.zeros((2, 2)), np.array([True]))
    with pytest.raises(InvalidInput, match="neighbors must be at least 1"):
        error_rate_nearby(np.zeros((3, 2)), np.zeros((2, 2)), np.array([True, False]), 0)
