"""Outlines and run lengths against the pixels they stand for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional.regions import decode_region, encode_region, encode_runs, join_rings, outline
from alframe.types import Polygons

PIXELS = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=12))


@given(PIXELS)
def test_inside_a_joined_outline_are_exactly_its_pixels(pixels: NDArray[np.bool_]) -> None:
    """Whatever the parts, the holes, and the corners at which pixels only touch."""
    rings = outline(pixels).rings
    assert bool(rings) == bool(pixels.any())
    if rings:
        joined = Polygons((join_rings(rings),))
        np.testing.assert_array_equal(decode_region(joined, *pixels.shape), pixels)


def test_an_outline_has_only_the_corners_at_which_it_turns() -> None:
    """A frame of pixels is two rectangles."""
    pixels = np.ones((5, 6), dtype=np.bool_)
    pixels[1:4, 2:4] = False
    assert sorted(map(len, outline(pixels).rings)) == [8, 8]


@given(PIXELS)
def test_run_lengths_are_counted_column_by_column(pixels: NDArray[np.bool_]) -> None:
    """Counted in a loop, they are the region."""
    counts, value = [0], False
    for pixel in pixels.ravel(order="F").tolist():
        if pixel != value:
            counts.append(0)
            value = pixel
        counts[-1] += 1
    assert encode_runs(counts, *pixels.shape) == encode_region(pixels)


@given(st.lists(st.integers(-2, 7), max_size=6))
def test_run_lengths_that_do_not_fit_are_refused(counts: list[int]) -> None:
    """Those of exactly the pixels there are, none negative, and no others."""
    if sum(counts) == 6 and min(counts) >= 0:
        assert encode_runs(counts, 2, 3).size == (2, 3)
    else:
        with pytest.raises(InvalidInput, match="run lengths must be 0 or more and cover 2 x 3"):
            encode_runs(counts, 2, 3)
