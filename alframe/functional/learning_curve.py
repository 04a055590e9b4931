"""What one learning curve says: the area under it, and the labels it needs to reach a target."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alframe.errors import InvalidInput


def area_under_curve(labels: ArrayLike, metric: ArrayLike) -> float:
    """Mean height of a learning curve, in the metric's unit: trapezoidal area over the range of ``labels``.

    Two areas are comparable only over the same numbers of labels.

    Args:
        labels: (L,) numbers of labels, strictly increasing, at least two.
        metric: (L,) the metric at each.

    Raises:
        InvalidInput: other shapes, numbers of labels that do not increase, a NaN.

    Example:
        >>> area_under_curve([10, 20, 40], [0.5, 0.7, 0.9])
        0.7333333333333333
    """
    counts, heights = _check_curve(labels, metric)
    if len(counts) < 2:
        raise InvalidInput(f"the area under a curve needs at least two points, got {len(counts)}")
    return float(np.trapezoid(heights, counts) / (counts[-1] - counts[0]))


def labels_needed(labels: ArrayLike, metric: ArrayLike, target: float) -> int | None:
    """Fewest labels at which a learning curve was measured at ``target`` or above; ``None`` if it never was.

    The answer is a measured point, not one interpolated between two: no model was trained in between, so
    nobody knows what it would have reached. It is therefore never too low, and at most one batch of labels
    too high.

    Args:
        labels: (L,) numbers of labels, strictly increasing.
        metric: (L,) the metric at each, higher is better.
        target: the value to reach, in the metric's unit.

    Raises:
        InvalidInput: other shapes, numbers of labels that do not increase, a NaN.

    Example:
        >>> labels_needed([10, 20, 40], [0.5, 0.7, 0.9], target=0.8)
        40
        >>> labels_needed([10, 20, 40], [0.5, 0.7, 0.9], target=0.95) is None
        True
    """
    counts, heights = _check_curve(labels, metric)
    reached = np.flatnonzero(heights >= target)
    return int(counts[reached[0]]) if len(reached) else None


def _check_curve(labels: ArrayLike, metric: ArrayLike) -> tuple[NDArray[Any], NDArray[np.float64]]:
    counts, heights = np.asarray(labels), np.asarray(metric, dtype=np.float64)
    if counts.ndim != 1 or counts.shape != heights.shape:
        raise InvalidInput(f"labels and metric must both be (L,), got shapes {counts.shape} and {heights.shape}")
    if (np.diff(counts) <= 0).any():
        raise InvalidInput(f"labels must increase strictly from point to point, got {counts.tolist()}")
    if not np.isfinite(heights).all():
        raise InvalidInput(f"metric has a NaN or an infinity at {counts[~np.isfinite(heights)].tolist()} labels")
    return counts, heights
