"""What a learner sees in images, as the objects that people draw."""

from __future__ import annotations

from alframe.functional.detection import detected
from alframe.functional.segmentation import segmented
from alframe.types import Objects, Predictions

LEAST_SCORE = 0.1
"""Detections below it are for average precision to weigh; nobody would look at them all."""


def seen(predictions: Predictions) -> dict[str, Objects]:
    """The objects in each image by its id, from what the learner ``shows``; empty for one that shows nothing."""
    found: dict[str, Objects] = {}
    for row, sample_id in enumerate(predictions.ids.tolist()):
        if predictions.boxes is not None and predictions.box_probs is not None:
            found[sample_id] = detected(predictions.boxes[row], predictions.box_probs[row], LEAST_SCORE)
        elif predictions.class_map is not None and predictions.sizes is not None:
            found[sample_id] = segmented(predictions.class_map[row], *predictions.sizes[row].tolist())
    return found
