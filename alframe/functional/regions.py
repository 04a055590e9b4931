"""Regions of an image: run lengths, polygons and arrays of pixels, made into each other by COCO's own rules."""

from __future__ import annotations

import numpy as np
from faster_coco_eval.core import mask as coco
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.types import Mask, Objects, Rle

IGNORED = 255
"""The class of a pixel that training and evaluation pass over."""


def encode_region(pixels: NDArray[np.bool_]) -> Rle:
    """The run lengths of the pixels that are true, (H, W) -> Rle.

    >>> encode_region(np.array([[False, True], [False, True]]))
    Rle(size=(2, 2), counts='22')
    """
    if pixels.ndim != 2:
        raise InvalidInput(f"a region is (H, W), got {pixels.shape}")
    found = coco.encode(np.asfortranarray(pixels, dtype=np.uint8))
    return Rle(pixels.shape, found["counts"].decode())


def decode_region(mask: Mask, height: int, width: int) -> NDArray[np.bool_]:
    """Which pixels of an image are in the region, -> (H, W).

    Args:
        mask: run lengths, or polygons; of several polygons the union.
        height: of the image.
        width: of the image.

    Raises:
        InvalidInput: run lengths that do not cover an image of this size.

    Examples:
        >>> decode_region(Rle((2, 2), "22"), 2, 2)
        array([[False,  True],
               [False,  True]])
    """
    if isinstance(mask, Rle):
        if tuple(mask.size) != (height, width):
            raise InvalidInput(f"a region of an image of {mask.size[0]} x {mask.size[1]} is none of {height} x {width}")
        runs = {"size": [height, width], "counts": mask.counts.encode()}
    else:
        runs = coco.merge(coco.frPyObjects([list(ring) for ring in mask.rings], height, width))
    pixels: NDArray[np.uint8] = coco.decode(runs)
    return pixels.astype(np.bool_)


def class_map(objects: Objects, height: int, width: int) -> NDArray[np.uint8]:
    """The class of every pixel, -> (H, W): 0 for background, c + 1 for class c, ``IGNORED`` where that is asked for.

    Where objects overlap the later one lies on top; what is to be ignored lies on top of all. Objects without a mask
    have no pixels.

    Raises:
        InvalidInput: a mask of another size.

    Examples:
        >>> from alframe.types import Object
        >>> right = Object(box=(1, 0, 2, 2), label=4, mask=Rle((2, 2), "22"))
        >>> class_map(Objects((right,)), 2, 2)
        array([[0, 5],
               [0, 5]], dtype=uint8)
    """
    classes = np.zeros((height, width), dtype=np.uint8)
    for each in sorted(objects, key=lambda found: found.ignored):
        if each.mask is not None:
            classes[decode_region(each.mask, height, width)] = IGNORED if each.ignored else each.label + 1
    return classes


def regions_of(classes: NDArray[np.uint8]) -> dict[int, Rle]:
    """The region of each class that occurs, background left out: the inverse of ``class_map``, (H, W) -> by class.

    >>> regions_of(np.array([[0, 2], [0, 2]], dtype=np.uint8))
    {1: Rle(size=(2, 2), counts='22')}
    """
    return {
        int(value) - 1: encode_region(classes == value) for value in np.unique(classes) if value not in (0, IGNORED)
    }


def box_of(pixels: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    """Left, top, right and bottom edge of the smallest box around the true pixels, (H, W) ->; zeros if there is none.

    >>> box_of(np.array([[False, True], [False, True]]))
    (1.0, 0.0, 2.0, 2.0)
    """
    rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
    if len(rows) == 0:
        return 0.0, 0.0, 0.0, 0.0
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)
