"""What a detector is unsure of about where things are: how its draws move a box, or take it back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional.blocks import entropies
from alframe.functional.detection.counts import detection_scores
from alframe.functional.detection.overlaps import have_area, paired_iou
from alframe.functional.detection.padding import check_detections, per_detection

TRACE = 1e-30
"""The weight of a detection of score zero, so that such count alike where there are no others."""


def localisation_stability(
    boxes: NDArray[Any], box_probs: NDArray[Any], box_draws: NDArray[Any]
) -> NDArray[np.float64]:
    """How well an image's boxes stay where they are, (N, K, 4), (N, K, C + 1), (N, K, T, 4) -> (N,), in [0, 1].

    The mean IoU of a detection's box with its draws, and of that the mean over detections, by their scores; a draw
    that does not have the detection overlaps nothing. NaN for an image without detections.

    >>> boxes, box_probs = np.array([[[0.0, 0.0, 4.0, 4.0]]]), np.array([[[0.75, 0.25]]])
    >>> box_draws = np.array([[[[0.0, 0.0, 4.0, 4.0], [0.0, 0.0, 4.0, 2.0]]]])
    >>> localisation_stability(boxes, box_probs, box_draws).tolist()
    [0.75]

    Raises:
        InvalidInput: arrays that are not padded detections of the same images.

    Source: Kao et al., "Localization-aware active learning for object detection", ACCV 2018, whose draws are detections
    under noise.
    """
    found = check_detections(boxes=boxes, box_probs=box_probs, box_draws=box_draws)
    stability = per_detection(_stability, found, boxes, box_draws)
    weights = np.maximum(detection_scores(box_probs), TRACE)
    totals = np.nansum(weights, axis=1)
    return np.where(found.any(axis=1), np.nansum(weights * stability, axis=1) / np.maximum(totals, TRACE), np.nan)


def box_variance(boxes: NDArray[Any], box_draws: NDArray[Any]) -> NDArray[np.float64]:
    """Variance of a detection's edges over its draws, by its size, (N, K, 4), (N, K, T, 4) -> (N, K), or NaN.

    The mean of the four edges' variances, left and right in units of the box's width and the others of its height, of
    at least one pixel each. Draws that do not have the detection say nothing of its edges; where fewer than two have
    it, the variance is zero.

    >>> boxes, edges = np.array([[[0.0, 0.0, 4.0, 2.0]]]), np.array([[[[0.0, 0.0, 4.0, 2.0], [0.0, 0.0, 8.0, 2.0]]]])
    >>> box_variance(boxes, edges).tolist()
    [[0.0625]]

    Raises:
        InvalidInput: arrays that are not padded detections of the same images.

    Source: Choi et al., "Active learning for deep object detection via probabilistic modeling", ICCV 2021, who have the
    variance from a mixture density.
    """
    return per_detection(_variance, check_detections(boxes=boxes, box_draws=box_draws), boxes, box_draws)


def consistency(
    boxes: NDArray[Any],
    box_probs: NDArray[Any],
    box_samples: NDArray[Any],
    box_draws: NDArray[Any],
    beta: float = 1.3,
) -> NDArray[np.float64]:
    """How far from ``beta`` the agreement of detections and draws stays, -> (N,), in [0, 2]; lower is more informative.

    A detection of distribution p and a draw of it, q, agree by ``m = IoU + (1 - JS(p, q)) (max p + max q) / 2``, where
    JS is the Jensen-Shannon divergence in nats and the maxima are over the classes without background. Agreement about
    ``beta`` is that of an object half known: a nearly perfect one teaches nothing, and hardly any comes of what is no
    object. Of each draw the detection nearest to ``beta`` counts, and of those the mean. A draw that has none of the
    image's detections counts 0, as in the authors' code. NaN for an image without detections.

    >>> boxes, box_probs = np.array([[[0.0, 0.0, 4.0, 4.0]]]), np.array([[[0.75, 0.25]]])
    >>> box_draws = np.array([[[[0.0, 0.0, 4.0, 2.0]]]])
    >>> consistency(boxes, box_probs, box_probs[:, :, np.newaxis], box_draws).round(4).tolist()
    [0.05]

    Args:
        boxes: (N, K, 4).
        box_probs: (N, K, C + 1).
        box_samples: (N, K, T, C + 1), draws or views.
        box_draws: (N, K, T, 4); of no size where a draw does not have the detection.
        beta: the agreement that is most informative, in [0, 2].

    Raises:
        InvalidInput: arrays that are not padded detections of the same images; another ``beta``.

    Source: Yu et al., "Consistency-based active learning for object detection", CVPR workshops 2022 (CALD).
    """
    found = check_detections(boxes=boxes, box_probs=box_probs, box_samples=box_samples, box_draws=box_draws)
    if not 0 <= beta <= 2:
        raise InvalidInput(f"beta must lie in [0, 2], got {beta}")
    total = np.zeros(len(found))
    for draw in range(box_draws.shape[2]):
        distances = per_detection(
            lambda *arrays: np.abs(_agreement(*arrays) - beta),
            found,
            boxes,
            box_probs,
            box_samples[:, :, draw],
            box_draws[:, :, draw],
        )
        nearest = np.where(found, distances, np.inf).min(axis=1, initial=np.inf)
        total += np.where(np.isfinite(nearest), nearest, 0)
    return np.where(found.any(axis=1), total / box_draws.shape[2], np.nan)


def _agreement(
    boxes: NDArray[Any], probs: NDArray[Any], samples: NDArray[Any], draws: NDArray[Any]
) -> NDArray[np.float64]:
    """(M, 4), (M, C + 1), (M, C + 1), (M, 4) -> (M,); infinite where the draw does not have the detection."""
    apart = np.maximum(entropies((probs + samples) / 2) - (entropies(probs) + entropies(samples)) / 2, 0)
    confidence = (probs[:, :-1].max(axis=1) + samples[:, :-1].max(axis=1)) / 2
    return np.where(have_area(draws), paired_iou(boxes, draws) + (1 - apart) * confidence, np.inf)


def _stability(boxes: NDArray[Any], draws: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(paired_iou(boxes[:, np.newaxis], draws).mean(axis=1))


def _variance(boxes: NDArray[Any], draws: NDArray[Any]) -> NDArray[np.float64]:
    sizes = np.maximum(boxes[:, 2:] - boxes[:, :2], 1.0).astype(np.float64)
    edges = (draws - boxes[:, np.newaxis]) / np.tile(sizes, 2)[:, np.newaxis]
    weights = have_area(draws).astype(np.float64)
    counts = np.maximum(weights.sum(axis=1), 1)[:, np.newaxis]
    means = np.einsum("mt,mte->me", weights, edges) / counts
    deviations = edges - means[:, np.newaxis]
    return np.asarray((np.einsum("mt,mte,mte->me", weights, deviations, deviations) / counts).mean(axis=1))
