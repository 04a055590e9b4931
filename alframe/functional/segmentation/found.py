"""What a segmenter sees, as the objects that people draw."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional.regions import box_of, regions_of
from alframe.types import Object, Objects


def stretched(class_map: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """A class map at the size of the image, (h, w) -> (height, width).

    Args:
        class_map: of the image as it was stretched for the learner; a pixel of the image has the class of the one that
            its centre falls on.
        height: of the image.
        width: of the image.

    Raises:
        InvalidInput: no class map, or an image without pixels.

    Examples:
        >>> stretched(np.array([[0, 3]], dtype=np.uint8), height=1, width=4)
        array([[0, 0, 3, 3]], dtype=uint8)
    """
    class_map = np.asarray(class_map)
    if class_map.ndim != 2 or class_map.dtype != np.uint8 or 0 in class_map.shape:
        raise InvalidInput(f"a class map is (h, w) uint8, got {class_map.shape} {class_map.dtype}")
    if min(height, width) < 1:
        raise InvalidInput(f"an image has pixels, this one is {height} x {width}")
    rows, columns = _under_centres(class_map.shape[0], height), _under_centres(class_map.shape[1], width)
    return np.asarray(class_map[np.ix_(rows, columns)])


def segmented(class_map: NDArray[np.uint8], height: int, width: int) -> Objects:
    """One object for each class that a class map has somewhere, (h, w) -> Objects, lowest class first.

    Args:
        class_map: 0 for background, c + 1 for class c, of the image as it was stretched for the learner.
        height: of the image.
        width: of the image.

    Raises:
        InvalidInput: no class map, or an image without pixels.

    Examples:
        >>> (only,) = segmented(np.array([[0, 3], [0, 0]], dtype=np.uint8), height=4, width=6)
        >>> only.label, only.box
        (2, (3.0, 0.0, 6.0, 2.0))
    """
    whole = stretched(class_map, height, width)
    return Objects(
        tuple(
            Object(box=box_of(whole == label + 1), label=label, mask=region)
            for label, region in regions_of(whole).items()
        )
    )


def _under_centres(few: int, many: int) -> NDArray[np.int64]:
    """Which of ``few`` equal parts of a line holds the centre of each of ``many``, (many,)."""
    return np.asarray((2 * np.arange(many) + 1) * few // (2 * many))
