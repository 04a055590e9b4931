"""Where a detector errs, as far as its own draws can tell."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional.detection.overlaps import paired_iou
from alframe.functional.detection.padding import check_detections, per_detection


def unconfirmed(
    boxes: NDArray[Any],
    box_probs: NDArray[Any],
    box_samples: NDArray[Any],
    box_draws: NDArray[Any],
    overlap: float = 0.5,
) -> NDArray[np.float64]:
    """How sure a detection is that its draws do not confirm, -> (N, K), in [0, 1], NaN where there is none.

    Its score times the share of the draws that have it elsewhere, of another class, or not at all; over an image these
    sum to the false alarms to expect, if the draws are right.

    >>> boxes, box_probs = np.array([[[0.0, 0.0, 4.0, 4.0]]]), np.array([[[0.75, 0.25]]])
    >>> box_draws = np.array([[[[0.0, 0.0, 4.0, 3.0], [0.0, 0.0, 0.0, 0.0]]]])
    >>> unconfirmed(boxes, box_probs, np.array([[[[0.75, 0.25], [0.0, 1.0]]]]), box_draws).tolist()
    [[0.375]]

    Args:
        boxes: (N, K, 4).
        box_probs: (N, K, C + 1).
        box_samples: (N, K, T, C + 1).
        box_draws: (N, K, T, 4); of no size where a draw does not have the detection.
        overlap: IoU from which on a draw's box is in the same place, in (0, 1].

    Raises:
        InvalidInput: arrays that are not padded detections of the same images; another ``overlap``.

    Source: hard negatives of Felzenszwalb et al., "Object detection with discriminatively trained part-based models",
    TPAMI 2010, with a committee (Roy, Unmesh & Namboodiri, BMVC 2018) in place of the truth.
    """
    if not 0 < overlap <= 1:
        raise InvalidInput(f"overlap must lie in (0, 1], got {overlap}")
    found = check_detections(boxes=boxes, box_probs=box_probs, box_samples=box_samples, box_draws=box_draws)

    def score(
        boxes: NDArray[Any], probs: NDArray[Any], samples: NDArray[Any], draws: NDArray[Any]
    ) -> NDArray[np.float64]:
        elsewhere = paired_iou(boxes[:, np.newaxis], draws) < overlap
        another = samples[..., :-1].argmax(axis=-1) != probs[:, :-1].argmax(axis=-1)[:, np.newaxis]
        return np.asarray(probs[:, :-1].max(axis=-1) * (elsewhere | another).mean(axis=1))

    return per_detection(score, found, boxes, box_probs, box_samples, box_draws)
