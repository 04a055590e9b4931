"""From a detector's arrays to objects: what it found in one image."""

from __future__ import annotations

import numpy as np

from alframe.errors import InvalidInput
from alframe.types import Floats, Object, Objects


def detected(boxes: Floats, box_probs: Floats, threshold: float = 0.0) -> Objects:
    """The detections of one image, (K, 4) and (K, C + 1) ->: those whose score is at least ``threshold``, in order.

    A detection's class is the most probable of the C, and its score that class's probability.

    Args:
        boxes: left, top, right and bottom edges; NaN in rows without a detection.
        box_probs: class distributions, background last; NaN in rows without a detection.
        threshold: least score, in [0, 1].

    Raises:
        InvalidInput: other shapes.

    Examples:
        >>> boxes = np.array([[2.0, 3.0, 5.0, 9.0], [0.0, 0.0, 4.0, 4.0], [np.nan] * 4])
        >>> box_probs = np.array([[0.125, 0.75, 0.125], [0.25, 0.0, 0.75], [np.nan] * 3])
        >>> detected(boxes, box_probs, threshold=0.5).objects
        (Object(box=(2.0, 3.0, 5.0, 9.0), label=1, mask=None, crowd=False, difficult=False, score=0.75),)
    """
    count = len(boxes)
    if boxes.shape != (count, 4) or box_probs.ndim != 2 or len(box_probs) != count or box_probs.shape[1] < 2:
        raise InvalidInput(
            f"boxes must be (K, 4) and box_probs (K, C + 1) of one image, got shapes {boxes.shape} and "
            f"{box_probs.shape}"
        )
    of_classes = box_probs[:, :-1]
    scores, labels = of_classes.max(axis=1), of_classes.argmax(axis=1)
    kept = np.flatnonzero(scores >= threshold)  # what is NaN is not
    return Objects(
        tuple(
            Object(box=(left, top, right, bottom), label=label, score=score)
            for (left, top, right, bottom), label, score in zip(
                boxes[kept].tolist(), labels[kept].tolist(), scores[kept].tolist(), strict=True
            )
        )
    )
