"""Detections padded to as many per image: checked at the door, and taken out of their padding block by block."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional.blocks import at_least_single, map_blocks, on_all_cores, row_blocks
from alframe.functional.checks import check_probs

AXES = {
    "boxes": ("N", "K", "4"),
    "box_probs": ("N", "K", "C + 1"),
    "box_samples": ("N", "K", "T", "C + 1"),
    "box_draws": ("N", "K", "T", "4"),
    "box_embeddings": ("N", "K", "D"),
}
"""What the axes of a detector's arrays are: those of one name have one size."""

LEAST = {"C + 1": 2, "T": 1, "D": 1}
"""How long an axis is at least: there is one class besides the background. An image may have no detection."""


def check_detections(**arrays: NDArray[Any]) -> NDArray[np.bool_]:
    """Where there is a detection, -> (N, K), if the arrays are what ``Predictions`` calls by their names.

    An image's detections come first; in the rows after them everything is NaN.

    >>> check_detections(box_probs=np.array([[[0.5, 0.5], [np.nan, np.nan]]]))
    array([[ True, False]])

    Raises:
        InvalidInput: other shapes, a NaN or an infinity in a detection, a detection after a row without one, no
            probabilities, arrays that do not have the same detections.
    """
    sizes = {"4": 4}
    for name, array in arrays.items():
        axes = AXES[name]
        fits = len(axes) == array.ndim and all(
            size == sizes.setdefault(axis, size) and size >= LEAST.get(axis, 0)
            for axis, size in zip(axes, array.shape, strict=True)
        )
        if not fits:
            known = ", ".join(f"{axis} = {size}" for axis, size in sizes.items() if axis != "4" and axis in axes)
            raise InvalidInput(f"{name} must be ({', '.join(axes)}), got shape {array.shape} where {known or 'C >= 1'}")
    found = {name: _found(name, array) for name, array in arrays.items()}
    first = next(iter(found))
    for name, there in found.items():
        if differs := np.flatnonzero((there != found[first]).any(axis=1)).tolist():
            raise InvalidInput(
                f"{first} and {name} have not the same detections in {len(differs)} images, the first at position "
                f"{differs[0]}; predict both in one pass"
            )
    return found[first]


def per_detection(
    score: Callable[..., NDArray[Any]], found: NDArray[np.bool_], *arrays: NDArray[Any]
) -> NDArray[np.float64]:
    """``score`` of the detections of ``arrays``, (N, K) and (N, K, ...) each -> (N, K), NaN where there is none.

    ``score`` sees a block of detections at a time, (M, ...) each, in single precision at least, on any thread.

    >>> found = np.array([[True, False]])
    >>> per_detection(lambda boxes: boxes.sum(axis=1), found, np.array([[[1.0, 2.0], [np.nan, np.nan]]]))
    array([[ 3., nan]])
    """
    scores = np.full(found.shape, np.nan)

    def of_block(block: slice) -> None:
        there = found[block]
        if there.any():
            scores[block][there] = score(*(at_least_single(array[block][there]) for array in arrays))

    on_all_cores(of_block, row_blocks(len(found), sum(array[:1].size for array in arrays)))
    return scores


def _found(name: str, array: NDArray[Any]) -> NDArray[np.bool_]:
    if not np.issubdtype(array.dtype, np.floating):
        raise InvalidInput(f"{name} must be floating point, got {array.dtype}")
    inner = tuple(range(2, array.ndim))

    def of_block(block: NDArray[Any]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        there, absent = np.isfinite(block).all(axis=inner), np.isnan(block).all(axis=inner)
        in_front = (there[:, :-1] >= there[:, 1:]).all(axis=1)
        if "C + 1" in AXES[name]:
            check_probs(block[there].reshape(-1, block.shape[-1]))
        return there, in_front & (there | absent).all(axis=1)

    parts = map_blocks(of_block, array)
    found = np.concatenate([np.empty((0, array.shape[1]), dtype=np.bool_), *(there for there, _ in parts)])
    wrong = np.flatnonzero(~np.concatenate([np.empty(0, dtype=np.bool_), *(right for _, right in parts)]))
    if len(wrong):
        raise InvalidInput(
            f"{name} has {len(wrong)} images with NaN or infinite values, the first at position {wrong[0]}; only in "
            "the rows after an image's last detection everything is NaN"
        )
    return found
