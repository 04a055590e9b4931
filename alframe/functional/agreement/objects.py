"""How far two annotators drew the same objects."""

from __future__ import annotations

from itertools import chain

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from alframe.functional.detection.overlaps import paired_iou
from alframe.functional.regions import image_size, region_overlaps
from alframe.types import Objects


def object_overlaps(first: Objects, second: Objects, size: tuple[int, int] | None = None) -> NDArray[np.float64]:
    """Intersection over union of each object with each other, -> (n, m), in [0, 1]; of different classes it is 0.

    By pixels where both have a mask, by boxes elsewhere.

    Args:
        first: n objects of an image.
        second: m objects of the same image.
        size: height and width of the image; needed only where all masks are polygons.

    Raises:
        InvalidInput: masks of images of different sizes; polygons alone, and no size.

    Examples:
        >>> from alframe.types import Object
        >>> whole, half = Object(box=(0, 0, 4, 4), label=0), Object(box=(0, 0, 4, 2), label=0)
        >>> object_overlaps(Objects((whole,)), Objects((half, Object(box=(0, 0, 4, 4), label=1)))).tolist()
        [[0.5, 0.0]]
    """
    overlaps = paired_iou(first.boxes[:, None], second.boxes)
    image = image_size((each.mask for each in chain(first, second)), size)
    here, there = ([row for row, each in enumerate(side) if each.mask is not None] for side in (first, second))
    if image is not None and here and there:
        masks, others = ([each.mask for each in side if each.mask is not None] for side in (first, second))
        overlaps[np.ix_(here, there)] = region_overlaps(masks, others, *image)
    return np.where(first.labels[:, None] == second.labels, overlaps, 0.0)


def mean_matched_iou(first: Objects, second: Objects, size: tuple[int, int] | None = None) -> float:
    """How far two annotators drew the same objects of an image, in [0, 1]: 1 if all are the same, or neither drew any.

    Objects of one class are matched one to one so that the intersections over union add up to most. Their sum is
    divided by the number of pairs that overlap and of objects without a partner, which so count 0.

    Args:
        first: one annotator's objects.
        second: the other's.
        size: height and width of the image; needed only where all masks are polygons.

    Raises:
        InvalidInput: masks of images of different sizes; polygons alone, and no size.

    Examples:
        >>> from alframe.types import Object
        >>> whole, half = Object(box=(0, 0, 4, 4), label=0), Object(box=(0, 0, 4, 2), label=0)
        >>> mean_matched_iou(Objects((whole,)), Objects((half, Object(box=(8, 8, 9, 9), label=0))))
        0.25
    """
    if not len(first) and not len(second):
        return 1.0
    overlaps = object_overlaps(first, second, size)
    matched = overlaps[linear_sum_assignment(overlaps, maximize=True)]
    return float(matched.sum() / (len(first) + len(second) - np.count_nonzero(matched)))
