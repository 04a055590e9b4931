"""One score per image, made of those of its detections."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from alframe.errors import InvalidInput

Aggregation: TypeAlias = Literal["max", "mean", "sum", "top"]
"""Of an image's detections the highest score, their mean, their sum, or the mean of the highest few."""


def image_scores(
    scores: NDArray[Any], aggregation: Aggregation = "max", *, top_k: int = 3, empty: float = 0.0
) -> NDArray[np.float64]:
    """The scores of each image's detections as one, (N, K) with NaN where there is no detection -> (N,).

    The sum prefers images of many detections, the maximum is ruled by one; the mean of the highest few is between them.

    >>> image_scores(np.array([[0.5, 0.25], [0.125, np.nan], [np.nan, np.nan]]), "sum").tolist()
    [0.75, 0.125, 0.0]

    Args:
        scores: NaN where there is no detection.
        aggregation: ``max``, ``mean``, ``sum``, or ``top``: the mean of the ``top_k`` highest, or of all, if fewer.
        top_k: how many of the highest count for ``top``.
        empty: the score of an image without detections.

    Raises:
        InvalidInput: scores of another shape or with infinities; ``top_k`` under one; another aggregation.

    Source: Brust, Käding & Denzler, "Active learning for deep object detection", VISAPP 2019: maximum, mean and sum.
    """
    if scores.ndim != 2 or np.isinf(scores).any():
        raise InvalidInput(f"scores must be (N, K), finite or NaN, got shape {scores.shape}")
    if top_k < 1:
        raise InvalidInput(f"top_k must be at least 1, got {top_k}")
    found = ~np.isnan(scores)
    counts = found.sum(axis=1)
    if aggregation == "max":
        values = np.where(found, scores, -np.inf).max(axis=1, initial=-np.inf)
    elif aggregation == "sum":
        values = np.nansum(scores, axis=1)
    elif aggregation == "mean":
        values = np.nansum(scores, axis=1) / np.maximum(counts, 1)
    elif aggregation == "top":
        listed = -np.sort(-scores, axis=1)[:, :top_k]  # NaN is sorted to the end
        values = np.nansum(listed, axis=1) / np.clip(counts, 1, top_k)
    else:
        raise InvalidInput(f"aggregation is max, mean, sum or top; got {aggregation!r}")
    return np.where(counts > 0, values, empty)
