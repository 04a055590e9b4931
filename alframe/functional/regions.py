"""Regions of an image: run lengths, polygons and arrays of pixels, made into each other by COCO's own rules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from faster_coco_eval.core import mask as coco
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.types import Mask, Objects, Polygons, Rle

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
        InvalidInput: run lengths that do not cover an image of this size, or that are none.

    Examples:
        >>> decode_region(Rle((2, 2), "22"), 2, 2)
        array([[False,  True],
               [False,  True]])
    """
    try:
        pixels: NDArray[np.uint8] = coco.decode(_runs(mask, height, width))
    except (ValueError, RuntimeError) as error:  # what the library makes of a damaged string
        raise InvalidInput(f"no run lengths of an image of {height} x {width}: {error}") from error
    return pixels.astype(np.bool_)


def encode_runs(counts: Sequence[int], height: int, width: int) -> Rle:
    """Compress run lengths: of pixels outside and inside the region in turn, column by column.

    Raises:
        InvalidInput: a negative length, or lengths that do not cover an image of this size.

    Examples:
        >>> encode_runs([2, 2], 2, 2)
        Rle(size=(2, 2), counts='22')
    """
    if min(counts, default=0) < 0 or sum(counts) != height * width:
        raise InvalidInput(f"run lengths must be 0 or more and cover {height} x {width} pixels, got {sum(counts)}")
    found = coco.frPyObjects({"size": [height, width], "counts": list(counts)}, height, width)
    return Rle((height, width), found["counts"].decode())


def decode_runs(mask: Rle, height: int, width: int) -> NDArray[np.int64]:
    """The run lengths that a string compresses, -> (R,): the inverse of ``encode_runs``, without any pixels.

    A number is groups of 5 bits, the lowest first, each a character from "0" on. The sixth bit of a character says that
    its number goes on, the fifth of the last one is the sign. From the fourth on, a number is what a length has more
    than the one two before it.

    Raises:
        InvalidInput: run lengths that do not cover an image of this size, or that are none.

    Examples:
        >>> decode_runs(Rle((2, 2), "22"), 2, 2)
        array([2, 2])
    """
    groups = np.frombuffer(_runs(mask, height, width)["counts"], dtype=np.uint8).astype(np.int64) - ord("0")
    last = np.flatnonzero(groups < 32)
    sizes = np.diff(last, prepend=-1)
    first = last - sizes + 1
    # Lengths of 32 bits and their differences have 7 groups at most, of which sums stay below 64 bits.
    if not len(groups) or groups.min() < 0 or groups.max() > 63 or groups[-1] > 31 or sizes.max() > 7:
        raise InvalidInput(f"no run lengths of an image of {height} x {width}: the string is damaged")
    shifts = 5 * (np.arange(len(groups)) - np.repeat(first, sizes))
    lengths: NDArray[np.int64] = np.add.reduceat((groups & 31) << shifts, first) - ((groups[last] >> 4) << 5 * sizes)
    for start in (1, 2):
        lengths[start::2] = np.cumsum(lengths[start::2])
    if lengths.min() < 0 or lengths.max() > height * width or lengths.sum() != height * width:
        raise InvalidInput(f"no run lengths of an image of {height} x {width}: they do not cover it")
    return lengths


def region_area(mask: Mask, height: int, width: int) -> int:
    """How many pixels of an image are in the region.

    Raises:
        InvalidInput: run lengths of an image of another size.

    Examples:
        >>> region_area(Rle((2, 2), "22"), 2, 2)
        2
    """
    return int(coco.area(_runs(mask, height, width)))


def region_box(mask: Mask, height: int, width: int) -> tuple[float, float, float, float]:
    """Left, top, right and bottom edge of the smallest box around a region, in pixels; without drawing run lengths.

    Raises:
        InvalidInput: run lengths of an image of another size.

    Examples:
        >>> region_box(Rle((2, 2), "22"), 2, 2)
        (1.0, 0.0, 2.0, 2.0)
    """
    left, top, across, down = coco.toBbox(_runs(mask, height, width)).tolist()
    return left, top, left + across, top + down


def region_overlaps(masks: Sequence[Mask], others: Sequence[Mask], height: int, width: int) -> NDArray[np.float64]:
    """Intersection over union of each region with each other, by pixels, -> (n, m) in [0, 1]; of two without any, 0.

    Raises:
        InvalidInput: run lengths of an image of another size.

    Examples:
        >>> region_overlaps([Rle((2, 2), "22")], [Rle((2, 2), "22"), Rle((2, 2), "31")], 2, 2).tolist()
        [[1.0, 0.5]]
    """
    if not masks or not others:
        return np.zeros((len(masks), len(others)))
    runs, other_runs = ([_runs(mask, height, width) for mask in side] for side in (masks, others))
    overlaps: NDArray[np.float64] = coco.iou(runs, other_runs, [False] * len(others))
    return np.asarray(np.nan_to_num(overlaps), dtype=np.float64).reshape(len(masks), len(others))


def image_size(masks: Iterable[Mask | None], size: tuple[int, int] | None = None) -> tuple[int, int] | None:
    """Height and width of the image of these masks: as given, or as run lengths tell; ``None`` if there is no mask.

    >>> image_size([None, Rle((2, 3), "6")])
    (2, 3)

    Raises:
        InvalidInput: no size was given, and there are polygons alone, which do not tell it.
    """
    there = [mask for mask in masks if mask is not None]
    told = [mask.size for mask in there if isinstance(mask, Rle)]
    if size is None and there and not told:
        raise InvalidInput("polygons do not tell how large their image is; give its size (height, width)")
    return size or next(iter(told), None)


def _runs(mask: Mask, height: int, width: int) -> dict[str, Any]:
    if isinstance(mask, Polygons):
        merged: dict[str, Any] = coco.merge(coco.frPyObjects([list(ring) for ring in mask.rings], height, width))
        return merged
    if tuple(mask.size) != (height, width):
        raise InvalidInput(f"a region of an image of {mask.size[0]} x {mask.size[1]} is none of {height} x {width}")
    return {"size": [height, width], "counts": mask.counts.encode()}


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


def outline(pixels: NDArray[np.bool_]) -> Polygons:
    """Polygons along the edges of the true pixels, (H, W) ->: a ring for each part and one for each hole.

    ``join_rings`` makes one outline of them, inside which are exactly these pixels.

    >>> outline(np.array([[False, True], [False, True]]))
    Polygons(rings=((1.0, 0.0, 2.0, 0.0, 2.0, 2.0, 1.0, 2.0),))
    """
    padded = np.pad(pixels, 1)
    inside = padded[1:-1, 1:-1]
    follows: dict[tuple[int, int], list[tuple[int, int]]] = {}
    # The edges of a pixel at (x, y), clockwise, wherever the pixel beyond is another kind.
    for (dy, dx), (x0, y0), (x1, y1) in (
        ((-1, 0), (0, 0), (1, 0)),
        ((0, 1), (1, 0), (1, 1)),
        ((1, 0), (1, 1), (0, 1)),
        ((0, -1), (0, 1), (0, 0)),
    ):
        beyond = padded[1 + dy : 1 + dy + pixels.shape[0], 1 + dx : 1 + dx + pixels.shape[1]]
        for y, x in np.argwhere(inside & ~beyond).tolist():
            follows.setdefault((x + x0, y + y0), []).append((x + x1, y + y1))
    rings = []
    for start in sorted(follows):
        while follows[start]:
            corners, here = [start], follows[start].pop()
            while here != start:
                corners.append(here)
                here = follows[here].pop()
            rings.append(_without_straights(corners))
    return Polygons(tuple(rings))


def _without_straights(corners: Sequence[tuple[int, int]]) -> tuple[float, ...]:
    """X and y of the corners at which the way turns."""
    turns = [
        here
        for before, here, after in zip([corners[-1], *corners], corners, [*corners[1:], corners[0]], strict=False)
        if (before[0] == here[0]) != (here[0] == after[0])
    ]
    return tuple(float(number) for corner in turns for number in corner)


def join_rings(rings: Sequence[Sequence[float]]) -> tuple[float, ...]:
    """One outline of several, there and back from the first corner of the first to each of the others.

    These lines have no width and cover no pixel; what two rings both cover, a hole in its part, is outside.

    >>> join_rings([(0, 0, 2, 0, 0, 2), (5, 5, 7, 5, 5, 7)])
    (0, 0, 2, 0, 0, 2, 0, 0, 5, 5, 7, 5, 5, 7, 5, 5)
    """
    joined = list(rings[0])
    for ring in rings[1:]:
        joined += [*rings[0][:2], *ring, *ring[:2]]
    return tuple(joined)
