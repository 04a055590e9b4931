"""How much boxes have in common."""

from __future__ import annotations

from typing import Any

import numpy as np
from faster_coco_eval.core import mask as coco
from numpy.typing import NDArray

from alframe.types import Objects


def paired_iou(boxes: NDArray[Any], others: NDArray[Any]) -> NDArray[np.float64]:
    """Intersection over union of each box and its other, (..., 4), (..., 4) -> (...), in [0, 1]; they broadcast.

    Boxes are left, top, right and bottom edges. Of two without an area it is zero.

    >>> paired_iou(np.array([0.0, 0.0, 2.0, 2.0]), np.array([[0.0, 0.0, 2.0, 1.0], [0.0, 0.0, 0.0, 0.0]])).tolist()
    [0.5, 0.0]
    """
    boxes, others = np.asarray(boxes, dtype=np.float64), np.asarray(others, dtype=np.float64)
    sides = np.minimum(boxes[..., 2:], others[..., 2:]) - np.maximum(boxes[..., :2], others[..., :2])
    common = np.maximum(sides, 0).prod(axis=-1)
    union = _areas(boxes) + _areas(others) - common
    return np.asarray(np.divide(common, union, out=np.zeros_like(common), where=union > 0))


def have_area(boxes: NDArray[Any]) -> NDArray[np.bool_]:
    """Which boxes have a width and a height, (..., 4) -> (...); a draw that does not have a detection has neither.

    >>> have_area(np.array([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 0.0, 0.0]])).tolist()
    [True, False]
    """
    return np.asarray((boxes[..., 2:] > boxes[..., :2]).all(axis=-1))


def overlaps_with(found: Objects, truth: Objects) -> NDArray[np.float64]:
    """Intersection over union of each detection with each object, (n, m); over the detection alone if that is a crowd.

    >>> from alframe.types import Object
    >>> whole, half = Object(box=(0, 0, 4, 4), label=0), Object(box=(0, 0, 4, 2), label=0)
    >>> overlaps_with(Objects((half,)), Objects((whole,))).tolist()
    [[0.5]]
    """
    if not len(found) or not len(truth):
        return np.zeros((len(found), len(truth)))
    crowds = [each.crowd for each in truth]
    overlaps: NDArray[np.float64] = coco.iou(_as_coco(found), _as_coco(truth), crowds)
    return overlaps


def _as_coco(objects: Objects) -> NDArray[np.float64]:
    """Left, top, width and height of each box, (n, 4)."""
    corner, opposite = np.split(objects.boxes, 2, axis=1)
    return np.hstack([corner, opposite - corner])


def _areas(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((boxes[..., 2:] - boxes[..., :2]).prod(axis=-1))
