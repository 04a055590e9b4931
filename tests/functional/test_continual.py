"""Forgetting and backward transfer, held by the papers' sums written as loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional import average_forgetting, backward_transfer

Case = tuple[NDArray[np.float64], NDArray[np.int64]]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any rounds and slices, some of them not measured, some not learned yet."""
    rounds, slices = draw(st.integers(1, 6)), draw(st.integers(0, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    accuracy = rng.random((rounds, slices))
    accuracy[rng.random(accuracy.shape) < draw(st.sampled_from([0.0, 0.3]))] = np.nan
    return accuracy, rng.integers(0, rounds + 1, slices)


def slow_forgetting(accuracy: NDArray[np.float64], first: NDArray[np.int64]) -> float:
    """Chaudhry et al. 2018: f_j = max over l < k of a_lj, less a_kj; F = their mean."""
    last, drops = len(accuracy) - 1, []
    for j, learned in enumerate(first.tolist()):
        before = [accuracy[i, j] for i in range(last) if not math.isnan(accuracy[i, j])]
        if learned < last and before and not math.isnan(accuracy[last, j]):
            drops.append(max(before) - accuracy[last, j])
    return sum(drops) / len(drops) if drops else math.nan


def slow_transfer(accuracy: NDArray[np.float64], first: NDArray[np.int64]) -> float:
    """Lopez-Paz and Ranzato 2017: the mean of R_Ti - R_ii."""
    last, gains = len(accuracy) - 1, []
    for j, learned in enumerate(first.tolist()):
        if learned < last and not np.isnan(accuracy[[learned, last], j]).any():
            gains.append(accuracy[last, j] - accuracy[learned, j])
    return sum(gains) / len(gains) if gains else math.nan


@given(cases())
def test_the_slow_references_agree(case: Case) -> None:
    assert average_forgetting(*case) == pytest.approx(slow_forgetting(*case), nan_ok=True)
    assert backward_transfer(*case) == pytest.approx(slow_transfer(*case), nan_ok=True)


@given(cases())
def test_what_was_forgotten_was_at_least_what_was_lost_since(case: Case) -> None:
    """The best earlier round is no worse than the first: forgetting is at least minus backward transfer."""
    accuracy, first = case
    accuracy = np.nan_to_num(accuracy)
    if (first < len(accuracy) - 1).any():
        assert average_forgetting(accuracy, first) >= -backward_transfer(accuracy, first) - 1e-12


def test_one_round_has_forgotten_nothing() -> None:
    assert math.isnan(average_forgetting([[1.0, 0.0]], [0, 1]))
    assert math.isnan(backward_transfer([[1.0, 0.0]], [0, 1]))


@pytest.mark.parametrize("measure", [average_forgetting, backward_transfer])
@pytest.mark.parametrize(
    ("accuracy", "first"), [([], []), ([0.5], [0]), ([[0.5]], [0, 1]), ([[0.5]], [-1]), ([[0.5]], [0.5])]
)
def test_other_shapes_are_refused(measure: object, accuracy: object, first: object) -> None:
    with pytest.raises(InvalidInput):
        measure(accuracy, first)  # type: ignore[operator]
