"""The door: what may pass, and what the refusal says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from alframe.errors import InvalidInput, PoolExhausted
from alframe.functional import k_center_greedy
from alframe.functional.checks import check_budget, check_paired, check_points, check_probs, check_samples

UNIFORM = np.full((3, 4), 0.25)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_distributions_of_every_float_type_pass_unchanged(dtype: type[np.floating[Any]]) -> None:
    """A softmax over a thousand classes passes in half precision too, and comes back as it went in."""
    logits = np.random.default_rng(0).normal(size=(50, 1000))
    probs = (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)).astype(dtype)
    assert check_probs(probs) is probs
    samples = probs.reshape(10, 5, 1000)
    assert check_samples(samples) is samples


def test_an_empty_pool_passes() -> None:
    """No samples is no mistake: N may be zero."""
    assert check_probs(np.empty((0, 3))).shape == (0, 3)
    assert check_samples(np.empty((0, 2, 3))).shape == (0, 2, 3)
    assert check_points(np.empty((0, 5))).shape == (0, 5)


@pytest.mark.parametrize("shape", [(4,), (2, 2, 2), (3, 0)])
def test_probs_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    """The message names the shape that was there."""
    with pytest.raises(InvalidInput, match=r"probs must be \(N, C\).*got shape"):
        check_probs(np.ones(shape))


@pytest.mark.parametrize("shape", [(3, 4), (3, 0, 4), (3, 2, 0)])
def test_samples_without_draws_or_classes_are_refused(shape: tuple[int, ...]) -> None:
    """A mean over no draws would be NaN."""
    with pytest.raises(InvalidInput, match=r"samples must be \(N, T, C\)"):
        check_samples(np.ones(shape))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_counted_and_located(value: float) -> None:
    """The message says how many rows are bad and which is the first."""
    array = UNIFORM.copy()
    array[1:, 2] = value
    for check in (check_probs, check_points):
        with pytest.raises(InvalidInput, match="2 rows with NaN or infinite values, the first at position 1"):
            check(array)


def test_what_is_no_distribution_is_refused() -> None:
    """Logits, negative values and integers are never taken for probabilities."""
    with pytest.raises(InvalidInput, match="apply a softmax"):
        check_probs(UNIFORM * 2)
    with pytest.raises(InvalidInput, match=r"smallest value -0\.5"):
        check_probs(np.array([[1.5, -0.5]]))
    with pytest.raises(InvalidInput, match="floating point, got int64"):
        check_probs(np.array([[1, 0]]))


def test_points_of_another_width_are_refused() -> None:
    """The message names the argument and the width it should have."""
    with pytest.raises(InvalidInput, match=r"centers must be \(N, 5\), got shape \(3, 4\)"):
        check_points(UNIFORM, "centers", width=5)
    with pytest.raises(InvalidInput, match=r"points must be \(N, D\)"):
        check_points(np.zeros(4))


def test_points_without_coordinates_are_refused() -> None:
    """There is no distance between them, and no block of them."""
    with pytest.raises(InvalidInput, match=r"points must be \(N, D\) with D > 0, got shape \(3, 0\)"):
        check_points(np.zeros((3, 0)))
    with pytest.raises(InvalidInput, match="with D > 0"):
        k_center_greedy(np.zeros((3, 0)), 1)


def test_a_budget_lies_between_one_and_the_pool() -> None:
    """Both ends are allowed; below is a caller's mistake, above is an exhausted pool."""
    assert (check_budget(1, available=3), check_budget(3, available=3)) == (1, 3)
    with pytest.raises(InvalidInput, match="at least 1, got 0"):
        check_budget(0, available=3)
    with pytest.raises(PoolExhausted, match="cannot select 4 samples: the pool holds 3"):
        check_budget(4, available=3)


def test_probs_and_embeddings_come_in_pairs() -> None:
    """Both pass unchanged, or the message names both lengths."""
    embeddings = np.zeros((3, 2))
    probs, points = check_paired(UNIFORM, embeddings)
    assert probs is UNIFORM
    assert points is embeddings
    with pytest.raises(InvalidInput, match="probs has 3 rows and embeddings has 2"):
        check_paired(UNIFORM, embeddings[:2])
