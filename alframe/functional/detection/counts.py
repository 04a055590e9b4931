"""How many objects there may be in an image, of which classes, and what it takes to draw a box around each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional.blocks import map_blocks
from alframe.functional.detection.padding import check_detections, per_detection
from alframe.functional.detection.truth import known_labels
from alframe.types import Objects


def detection_scores(box_probs: NDArray[Any]) -> NDArray[np.float64]:
    """Probability of a detection's class, (N, K, C + 1) -> (N, K), NaN where there is none.

    The class is the most probable of the C; the background, which is last, is none of them.

    >>> detection_scores(np.array([[[0.125, 0.25, 0.625], [np.nan] * 3]]))
    array([[0.25,  nan]])

    Raises:
        InvalidInput: ``box_probs`` are not padded probabilities.
    """
    found = check_detections(box_probs=box_probs)
    return per_detection(lambda probs: probs[:, :-1].max(axis=1), found, box_probs)


def expected_counts(box_probs: NDArray[Any]) -> NDArray[np.float64]:
    """How many objects of each class an image should have, (N, K, C + 1) -> (N, C).

    The sum of the class probabilities of its detections, as if each were of at most one object.

    >>> expected_counts(np.array([[[0.125, 0.25, 0.625], [0.5, 0.25, 0.25]]])).tolist()
    [[0.625, 0.5]]

    Raises:
        InvalidInput: ``box_probs`` are not padded probabilities.
    """
    check_detections(box_probs=box_probs)
    counts = map_blocks(lambda block: np.nansum(block[..., :-1], axis=1, dtype=np.float64), box_probs)
    return np.concatenate([np.empty((0, box_probs.shape[2] - 1)), *counts])


def class_presence(box_probs: NDArray[Any]) -> NDArray[np.float64]:
    """The highest probability of each class in an image's detections, (N, K, C + 1) -> (N, C); zero without any.

    >>> class_presence(np.array([[[0.125, 0.25, 0.625], [0.5, 0.25, 0.25]]])).tolist()
    [[0.5, 0.25]]

    Raises:
        InvalidInput: ``box_probs`` are not padded probabilities.
    """
    check_detections(box_probs=box_probs)
    # fmax passes NaN over.
    highest = map_blocks(lambda block: np.fmax.reduce(block[..., :-1], axis=1, initial=0), box_probs)
    return np.concatenate([np.empty((0, box_probs.shape[2] - 1)), *highest])


def expected_boxes(box_probs: NDArray[Any]) -> NDArray[np.float64]:
    """How many boxes an image should need, (N, K, C + 1) -> (N,): the sum of its detections' scores.

    >>> expected_boxes(np.array([[[0.125, 0.25, 0.625], [0.5, 0.25, 0.25]]])).tolist()
    [0.75]

    Raises:
        InvalidInput: ``box_probs`` are not padded probabilities.
    """
    return np.asarray(np.nansum(detection_scores(box_probs), axis=1))


def expected_cost(box_probs: NDArray[Any], base: float, per_box: float) -> NDArray[np.float64]:
    """What it should cost to label an image, (N, K, C + 1) -> (N,): ``base``, and ``per_box`` for each expected box.

    >>> expected_cost(np.array([[[0.75, 0.25], [0.5, 0.5]]]), base=2, per_box=4).tolist()
    [7.0]

    Raises:
        InvalidInput: ``box_probs`` are not padded probabilities; a base that is not positive, a negative ``per_box``.
    """
    if not (0 < base < np.inf and 0 <= per_box < np.inf):
        raise InvalidInput(f"base must be positive and per_box not negative, got {base} and {per_box}")
    return base + per_box * expected_boxes(box_probs)


def object_counts(objects: Iterable[Objects], classes: int) -> NDArray[np.float64]:
    """How many objects of each class each image has, M x Objects -> (M, C); what is to be ignored does not count.

    >>> from alframe.types import Object
    >>> object_counts([Objects((Object((0, 0, 1, 1), label=2),)), Objects()], classes=3).tolist()
    [[0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]

    Raises:
        InvalidInput: an object of a class that there is not.
    """
    return np.array(
        [np.bincount(known_labels(each, classes), minlength=classes) for each in objects], dtype=np.float64
    ).reshape(-1, classes)
