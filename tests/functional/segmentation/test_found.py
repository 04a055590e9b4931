from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional import segmented, stretched
from alframe.functional.regions import class_map
from alframe.types import Objects

MAPS = arrays.arrays(np.uint8, st.tuples(st.integers(1, 7), st.integers(1, 7)), elements=st.integers(0, 4))


def slow_stretch(classes: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Pixel by pixel: the class under the centre of each."""
    found = np.empty((height, width), dtype=np.uint8)
    for y in range(height):
        for x in range(width):
            found[y, x] = classes[int((y + 0.5) / height * classes.shape[0]), int((x + 0.5) / width * classes.shape[1])]
    return found


@given(MAPS)
def test_of_the_same_size_it_is_the_inverse_of_drawing(classes: NDArray[np.uint8]) -> None:
    """Objects drawn again give the class map from which they were made."""
    np.testing.assert_array_equal(class_map(segmented(classes, *classes.shape), *classes.shape), classes)


@given(MAPS, st.integers(1, 20), st.integers(1, 20))
def test_every_pixel_of_the_image_has_the_class_under_its_centre(
    classes: NDArray[np.uint8], height: int, width: int
) -> None:
    """Against a loop over pixels, larger and smaller, along each side by itself."""
    expected = slow_stretch(classes, height, width)
    np.testing.assert_array_equal(stretched(classes, height, width), expected)
    np.testing.assert_array_equal(class_map(segmented(classes, height, width), height, width), expected)


def test_objects_have_box_class_and_mask_but_no_score() -> None:
    """One object a class, however many pieces it is in; its box goes around all of them."""
    classes = np.zeros((6, 8), dtype=np.uint8)
    classes[0, 0] = classes[4, 6] = 2
    classes[2, 2] = 1
    first, second = segmented(classes, 6, 8)
    assert (first.label, first.box, first.score) == (0, (2, 2, 3, 3), None)
    assert (second.label, second.box, second.score) == (1, (0, 0, 7, 5), None)
    assert first.mask is not None


def test_background_and_pixels_to_be_ignored_are_no_objects() -> None:
    """An image of nothing has none."""
    assert segmented(np.zeros((3, 3), dtype=np.uint8), 9, 9) == Objects()
    assert segmented(np.full((3, 3), 255, dtype=np.uint8), 9, 9) == Objects()


@pytest.mark.parametrize(
    ("classes", "size", "message"),
    [
        (np.zeros((2, 2, 2), np.uint8), (2, 2), "class map"),
        (np.zeros((2, 2)), (2, 2), "class map"),
        (np.zeros((0, 2), np.uint8), (2, 2), "class map"),
        (np.zeros((2, 2), np.uint8), (0, 2), "0 x 2"),
    ],
)
def test_what_is_no_class_map_is_refused(classes: NDArray[np.uint8], size: tuple[int, int], message: str) -> None:
    """Shape, type and size are checked at the door."""
    with pytest.raises(InvalidInput, match=message):
        segmented(classes, *size)
