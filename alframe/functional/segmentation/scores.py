"""One number for an image from a map of its cells: what counts, everywhere or where it matters."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from alframe.errors import InvalidInput
from alframe.functional.blocks import at_least_single, on_all_cores, row_blocks, score_blocks
from alframe.functional.checks import check_points
from alframe.types import Floats

TOUCHING = np.zeros((3, 3, 3), dtype=np.bool_)
TOUCHING[1] = True
"""Cells of one image touch along an edge or at a corner; those of two images do not."""


def map_mean(maps: NDArray[Any]) -> NDArray[np.float64]:
    """Mean of each map, (N, h, w) -> (N,).

    >>> map_mean(np.array([[[0.0, 1.0], [0.0, 0.0]]]))
    array([0.25])

    Raises:
        InvalidInput: another shape, a NaN or an infinity.
    """
    return score_blocks(_check_maps(maps), lambda block: block.mean(axis=(1, 2), dtype=np.float64))


def map_top(maps: NDArray[Any], fraction: float) -> NDArray[np.float64]:
    """Mean of the highest ``fraction`` of each map's cells, of one at least, (N, h, w) -> (N,).

    What is small counts as much as what is large, which a plain mean would let it drown in.

    >>> map_top(np.array([[[0.0, 1.0], [0.5, 0.0]]]), fraction=0.5)
    array([0.75])

    Raises:
        InvalidInput: another shape, a NaN or an infinity, a fraction outside (0, 1].
    """
    if not 0 < fraction <= 1:
        raise InvalidInput(f"fraction must lie in (0, 1], got {fraction}")
    maps = _check_maps(maps)
    cells = maps.shape[1] * maps.shape[2]
    rest = cells - ceil(fraction * cells)

    def score(block: NDArray[Any]) -> NDArray[np.float64]:
        flat = block.reshape(len(block), cells)
        return np.asarray(np.partition(flat, rest, axis=1)[:, rest:].mean(axis=1, dtype=np.float64))

    return score_blocks(maps, score)


def map_boundary(maps: NDArray[Any], classes: NDArray[np.uint8], width: int) -> NDArray[np.float64]:
    """Mean of each map over a band along the borders between classes, (N, h, w), (N, h, w) -> (N,).

    An image without a border is scored by the mean of its map: a learner that sees nothing yet must still be able to
    tell its images apart.

    Args:
        maps: what counts in each cell.
        classes: the most probable class of each cell.
        width: the band has the cells with another class at most so many rows and columns away.

    Raises:
        InvalidInput: other shapes, a NaN or an infinity, a width under one.

    Examples:
        >>> maps = np.array([[[0.0, 2.0, 4.0, 9.0]]])
        >>> map_boundary(maps, np.array([[[0, 0, 1, 1]]], dtype=np.uint8), width=1)
        array([3.])
        >>> map_boundary(maps, np.zeros((1, 1, 4), dtype=np.uint8), width=1)
        array([3.75])
    """
    if width < 1:
        raise InvalidInput(f"width must be at least 1, got {width}")
    window = (1, 2 * width + 1, 2 * width + 1)

    def score(block: NDArray[Any], seen: NDArray[np.uint8]) -> NDArray[np.float64]:
        # A window that holds two classes holds a border.
        band = ndimage.maximum_filter(seen, window, mode="nearest") != ndimage.minimum_filter(
            seen, window, mode="nearest"
        )
        band[~band.any(axis=(1, 2))] = True
        return np.asarray(block.mean(axis=(1, 2), dtype=np.float64, where=band))

    return _score_pairs(maps, classes, score)


def map_region(maps: NDArray[Any], classes: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Highest mean of a map over one region of the foreground, (N, h, w), (N, h, w) -> (N,).

    A region is what hangs together, along edges or at corners, whatever its classes; without any, the whole image.

    Args:
        maps: what counts in each cell.
        classes: the most probable class of each cell; 0 is background.

    Raises:
        InvalidInput: other shapes, a NaN or an infinity.

    Examples:
        >>> maps = np.array([[[3.0, 0.0, 1.0, 3.0]]])
        >>> map_region(maps, np.array([[[2, 0, 1, 2]]], dtype=np.uint8))
        array([3.])
        >>> map_region(maps, np.zeros((1, 1, 4), dtype=np.uint8))
        array([1.75])
    """

    def score(block: NDArray[Any], seen: NDArray[np.uint8]) -> NDArray[np.float64]:
        foreground = seen > 0
        foreground[~foreground.any(axis=(1, 2))] = True
        regions, count = ndimage.label(foreground, TOUCHING)
        region = regions.ravel()
        sums, cells = np.bincount(region, block.ravel()), np.bincount(region)
        image = np.zeros(count + 1, dtype=np.int64)
        image[region] = np.arange(len(block)).repeat(block[0].size)
        best = np.full(len(block), -np.inf)
        np.maximum.at(best, image[1:], sums[1:] / cells[1:])
        return best

    return _score_pairs(maps, classes, score)


def _check_maps(maps: NDArray[Any]) -> Floats:
    maps = np.asarray(maps)
    if maps.ndim != 3 or 0 in maps.shape[1:]:
        raise InvalidInput(f"maps must be (N, h, w) where only N may be zero, got shape {maps.shape}")
    check_points(maps.reshape(len(maps), maps.shape[1] * maps.shape[2]), "maps")
    return maps


def _score_pairs(
    maps: NDArray[Any],
    classes: NDArray[np.uint8],
    score: Callable[[NDArray[Any], NDArray[np.uint8]], NDArray[np.float64]],
) -> NDArray[np.float64]:
    """``score`` of each map and its classes, block by block, (N, h, w), (N, h, w) -> (N,)."""
    maps, classes = _check_maps(maps), np.asarray(classes)
    if classes.shape != maps.shape or classes.dtype != np.uint8:
        raise InvalidInput(f"classes must be uint8 of shape {maps.shape}, got {classes.dtype} of {classes.shape}")
    parts = row_blocks(len(maps), maps.shape[1] * maps.shape[2])
    scores = on_all_cores(lambda part: score(at_least_single(maps[part]), classes[part]), parts)
    return np.concatenate([np.empty(0), *scores])
