"""The radius against its definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional import coverage_radius


@given(points=arrays(np.float64, (10, 3), elements=st.integers(0, 3).map(float)), count=st.integers(1, 9))
def test_the_radius_is_zero_at_centers_and_falls_with_more(points: NDArray[np.float64], count: int) -> None:
    """A centre covers itself; one more centre never leaves a point farther away."""
    fewer, more = coverage_radius(points, points[:count]), coverage_radius(points, points[: count + 1])
    assert (fewer[:count] == 0).all()
    assert (more <= fewer).all()


def test_the_radius_is_the_distance_to_the_nearest() -> None:
    """A right triangle: the distance is Euclidean, not squared, and to the nearer of two centres."""
    centers = np.array([[0.0, 0.0], [100.0, 0.0]])
    np.testing.assert_allclose(coverage_radius(np.array([[3.0, 4.0], [97.0, 4.0]]), centers), [5.0, 5.0])


def test_a_radius_needs_a_center() -> None:
    """No centre, no distance."""
    with pytest.raises(InvalidInput, match="give at least one"):
        coverage_radius(np.zeros((3, 2)), np.zeros((0, 2)))
