"""Which detections stand for which objects, and what the others are taken for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alframe.functional.detection.overlaps import overlaps_with
from alframe.types import UNLABELLED, Objects


def detection_confusion(truth: Objects, found: Objects, num_classes: int, overlap: float = 0.5) -> NDArray[np.int64]:
    """Objects of one image by true class (rows) and detected class (columns), -> (C + 1, C + 1).

    The last row counts detections of nothing, the last column objects that are not detected. The surest detection
    comes first and takes the object of its class that it overlaps most; so the diagonal counts what COCO's average
    precision takes for found. What is left over then takes objects of other classes. A detection that finds no object
    of its class, but something of it that is to be ignored, counts nowhere.

    Args:
        truth: the objects of an image.
        found: the detections there, with scores.
        num_classes: C.
        overlap: the least intersection over union at which they are one; of a crowd the intersection over detection.

    Examples:
        >>> from alframe.types import Object
        >>> truth = Objects((Object(box=(0, 0, 9, 9), label=0), Object(box=(20, 0, 29, 9), label=1)))
        >>> found = Objects((Object(box=(0, 0, 9, 8), label=1, score=0.9),))
        >>> detection_confusion(truth, found, num_classes=2)
        array([[0, 1, 0],
               [0, 0, 1],
               [0, 0, 0]])
    """
    meets = overlaps_with(found, truth)
    meets[meets < overlap] = 0
    own_class = (found.labels[:, None] == truth.labels) | (truth.labels == UNLABELLED)
    free = ~truth.ignored
    counts = np.zeros((num_classes + 1, num_classes + 1), dtype=np.int64)
    left_over = []
    for detection in _surest_first(found):
        label = found.labels[detection]
        candidates = meets[detection] * own_class[detection]
        if (candidates * free).any():
            free[(candidates * free).argmax()] = False
            counts[label, label] += 1
        elif not (candidates * truth.ignored).any():
            left_over.append(detection)
    for detection in left_over:
        candidates = meets[detection] * free
        true_class = num_classes
        if candidates.any():
            taken = candidates.argmax()
            free[taken], true_class = False, truth.labels[taken]
        counts[true_class, found.labels[detection]] += 1
    np.add.at(counts[:, -1], truth.labels[free], 1)
    return counts


def detection_quality(confusion: NDArray[np.int64]) -> float:
    """F1 of an image's detections, (C + 1, C + 1) -> [0, 1]: 1 where nothing is and nothing is detected.

    >>> detection_quality(np.array([[1, 1], [0, 0]])), detection_quality(np.zeros((2, 2), dtype=np.int64))
    (0.6666666666666666, 1.0)
    """
    right = np.trace(confusion)
    both = confusion[:-1].sum() + confusion[:, :-1].sum()
    return float(2 * right / both) if both else 1.0


def _surest_first(found: Objects) -> list[int]:
    return sorted(range(len(found)), key=lambda row: -(found.objects[row].score or 0))
