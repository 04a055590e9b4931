"""The area under a learning curve and the labels it needs, against hand-worked values and invariances."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alframe.errors import InvalidInput
from alframe.functional.learning_curve import area_under_curve, labels_needed


def test_area_by_hand() -> None:
    """Two trapezoids, (0.5 + 0.7) / 2 * 10 + (0.7 + 0.9) / 2 * 20 = 22, over a range of 30."""
    assert area_under_curve([10, 20, 40], [0.5, 0.7, 0.9]) == pytest.approx(22 / 30)


@given(st.lists(st.integers(1, 1000), min_size=2, max_size=20, unique=True), st.floats(0, 1))
def test_area_of_a_constant_is_the_constant(counts: list[int], height: float) -> None:
    """The area is in the metric's unit: a flat curve has its own height, whatever the numbers of labels."""
    assert area_under_curve(sorted(counts), [height] * len(counts)) == pytest.approx(height)


def test_area_does_not_change_when_a_point_on_the_line_is_added() -> None:
    """The trapezoidal rule is exact for straight lines, so a denser measurement of one says the same."""
    assert area_under_curve([0, 10], [0.2, 0.8]) == pytest.approx(area_under_curve([0, 1, 10], [0.2, 0.26, 0.8]))


def test_labels_needed_is_the_first_measured_point() -> None:
    """The target is between two points: the answer is the later one, not an interpolation."""
    assert labels_needed([10, 20, 40], [0.5, 0.7, 0.9], 0.71) == 40


def test_labels_needed_at_exactly_the_target() -> None:
    """Reaching the target exactly is reaching it."""
    assert labels_needed([10, 20, 40], [0.5, 0.7, 0.9], 0.7) == 20


def test_labels_needed_of_a_curve_that_falls_again() -> None:
    """A curve that was above the target once has reached it, even if it falls below it later."""
    assert labels_needed([10, 20, 30, 40], [0.5, 0.8, 0.7, 0.9], 0.75) == 20


def test_labels_needed_never() -> None:
    """A target that was not reached has no number of labels."""
    assert labels_needed([10, 20], [0.5, 0.7], 0.8) is None


@pytest.mark.parametrize(
    ("labels", "metric"),
    [([10, 10], [0.5, 0.6]), ([20, 10], [0.5, 0.6]), ([10, 20], [0.5]), ([10, 20], [0.5, np.nan])],
)
def test_refuses_what_is_no_curve(labels: list[int], metric: list[float]) -> None:
    """Numbers of labels that do not increase, other lengths and NaN are refused by both functions."""
    with pytest.raises(InvalidInput):
        area_under_curve(labels, metric)
    with pytest.raises(InvalidInput):
        labels_needed(labels, metric, 0.5)


def test_one_point_has_no_area() -> None:
    """A single point spans no range of labels."""
    with pytest.raises(InvalidInput, match="at least two points"):
        area_under_curve([10], [0.5])
