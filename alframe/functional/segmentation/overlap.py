"""How far predicted regions cover the true ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional.regions import IGNORED


def pixel_confusion(truth: NDArray[np.uint8], found: NDArray[np.uint8], num_classes: int) -> NDArray[np.int64]:
    """Pixels by true class (rows) and predicted class (columns), background first, (H, W) twice -> (C + 1, C + 1).

    Args:
        truth: class map; what is ``IGNORED`` there counts nowhere.
        found: class map.
        num_classes: C.

    Raises:
        InvalidInput: shapes that differ, a class that there is not.

    Examples:
        >>> truth = np.array([[0, 1, 1, 255]], dtype=np.uint8)
        >>> pixel_confusion(truth, np.array([[0, 1, 0, 1]], dtype=np.uint8), num_classes=1)
        array([[1, 0],
               [1, 1]])
    """
    if truth.shape != found.shape:
        raise InvalidInput(f"class maps of one image have one shape, got {truth.shape} and {found.shape}")
    counted = truth != IGNORED
    true, predicted = truth[counted].astype(np.int64), found[counted].astype(np.int64)
    highest = max(true.max(initial=0), predicted.max(initial=0))
    if highest > num_classes:
        raise InvalidInput(f"class maps hold 0 to {num_classes}, and {IGNORED} in the truth, got {highest}")
    side = num_classes + 1
    return np.bincount(true * side + predicted, minlength=side * side).reshape(side, side)


def pixel_iou(confusion: NDArray[Any]) -> NDArray[np.float64]:
    """Intersection over union of each class, (..., C, C) -> (..., C), in [0, 1]; NaN where it is neither true nor seen.

    >>> pixel_iou(np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0]]))
    array([0.5, 0.5, nan])
    """
    right, both = _right_and_both(confusion)
    return _shares(right, both - right)


def pixel_dice(confusion: NDArray[Any]) -> NDArray[np.float64]:
    """Dice coefficient of each class, (..., C, C) -> (..., C), in [0, 1]; NaN where it is neither true nor seen.

    >>> pixel_dice(np.array([[2, 0, 0], [1, 1, 0], [0, 0, 0]])).round(2)
    array([0.8 , 0.67,  nan])
    """
    right, both = _right_and_both(confusion)
    return _shares(2 * right, both)


def _right_and_both(confusion: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Pixels that are a class and predicted so, and those that are it and those predicted so together."""
    return confusion.diagonal(axis1=-2, axis2=-1), confusion.sum(axis=-2) + confusion.sum(axis=-1)


def _shares(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0))
