"""Directions against their definition."""

from __future__ import annotations

import numpy as np
import pytest

from alframe.errors import InvalidInput
from alframe.functional import unit_length


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1e-25, 1.0, 1e25])
def test_rows_have_length_one_and_keep_their_direction(dtype: type[np.float32 | np.float64], scale: float) -> None:
    """In their own precision, and at scales whose squares float32 does not know."""
    points = (scale * np.random.default_rng(0).normal(size=(50, 6))).astype(dtype)
    directions, exact = unit_length(points), points.astype(np.float64)
    assert directions.dtype == dtype
    np.testing.assert_allclose(directions, exact / np.linalg.norm(exact, axis=1, keepdims=True), rtol=1e-6)


def test_a_row_of_zeros_has_no_direction() -> None:
    """It stays as it is, and NaN is refused."""
    assert unit_length(np.zeros((2, 3))).tolist() == [[0.0] * 3] * 2
    with pytest.raises(InvalidInput, match="NaN"):
        unit_length(np.full((2, 3), np.nan))
