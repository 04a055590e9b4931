"""How much boxes have in common."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


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


def _areas(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((boxes[..., 2:] - boxes[..., :2]).prod(axis=-1))
