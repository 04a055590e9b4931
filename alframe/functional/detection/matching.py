"""Which boxes speak of the same object."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional.detection.overlaps import paired_iou
from alframe.types import Floats


def match_boxes(
    boxes: Floats,
    scores: Floats,
    labels: NDArray[np.int64],
    reference: Floats,
    reference_labels: NDArray[np.int64],
    threshold: float = 0.5,
) -> NDArray[np.int64]:
    """Which box of the reference each box stands for, (n, 4), (m, 4) -> (n,); -1 where it stands for none.

    One to one, and greedily: the surest box chooses first, among those left that it overlaps, of its own class before
    any other's, the one it overlaps most.

    Args:
        boxes: left, top, right and bottom edges.
        scores: (n,) how sure of each box somebody is.
        labels: (n,) class indices.
        reference: the boxes to be stood for.
        reference_labels: (m,) class indices.
        threshold: least intersection over union, in (0, 1].

    Raises:
        InvalidInput: different lengths, a threshold outside (0, 1].

    Examples:
        >>> boxes = np.array([[0.0, 0.0, 4.0, 4.0], [0.0, 0.0, 4.0, 3.0], [8.0, 8.0, 9.0, 9.0]])
        >>> reference = np.array([[5.0, 5.0, 6.0, 6.0], [0.0, 0.0, 4.0, 4.0]])
        >>> match_boxes(boxes, np.array([0.5, 0.9, 0.4]), np.zeros(3, int), reference, np.zeros(2, int)).tolist()
        [-1, 1, -1]
    """
    _check(boxes, scores, labels, threshold)
    _check(reference, reference_labels, reference_labels, threshold)
    attraction = _attraction(boxes, labels, reference, reference_labels, threshold)
    matched = np.full(len(boxes), -1, dtype=np.int64)
    for row in _surest_first(scores) if len(reference) else ():
        chosen = attraction[row].argmax()
        if attraction[row, chosen] > 0:
            matched[row] = chosen
            attraction[:, chosen] = 0
    return matched


def group_boxes(
    boxes: Floats,
    scores: Floats,
    labels: NDArray[np.int64],
    draws: NDArray[np.int64],
    threshold: float = 0.5,
) -> NDArray[np.int64]:
    """Boxes of several draws put together by object, (n, 4) -> (n,): the position of the first of each box's group.

    The surest box founds a group. Each further one joins, among the groups in which its draw has none yet and whose
    founder it overlaps, of its own class before any other's, the one whose founder it overlaps most; or it founds one.
    This is the clustering of weighted boxes fusion (Solovyev et al. 2021), with a place for each draw.

    Args:
        boxes: left, top, right and bottom edges.
        scores: (n,) how sure of each box its draw is.
        labels: (n,) class indices.
        draws: (n,) which draw each box is from, from 0 on.
        threshold: least intersection over union, in (0, 1].

    Raises:
        InvalidInput: different lengths, a threshold outside (0, 1].

    Examples:
        >>> boxes = np.array([[0.0, 0.0, 4.0, 4.0], [0.0, 0.0, 4.0, 3.0], [0.0, 0.0, 4.0, 4.0]])
        >>> group_boxes(boxes, np.array([0.5, 0.9, 0.4]), np.zeros(3, int), np.array([0, 1, 1])).tolist()
        [1, 1, 2]
    """
    _check(boxes, scores, labels, threshold)
    _check(boxes, draws, labels, threshold)
    return group_attracted(_attraction(boxes, labels, boxes, labels, threshold), scores, draws)


def group_attracted(attraction: NDArray[np.float64], scores: Floats, draws: NDArray[np.int64]) -> NDArray[np.int64]:
    """What attracts each other put together, (n, n) -> (n,): the position of the first of each one's group.

    ``group_boxes`` for any measure of what belongs together: the surest founds a group, each further one joins the
    founder that attracts it most, among the groups in which its draw has none yet, or founds one.

    Args:
        attraction: how much each is drawn to each; 0 keeps them apart.
        scores: (n,) how sure of each its draw is.
        draws: (n,) which draw each is from, from 0 on.

    Examples:
        >>> attraction = np.array([[1.0, 0.8, 0.0], [0.8, 1.0, 0.0], [0.0, 0.0, 1.0]])
        >>> group_attracted(attraction, np.array([0.5, 0.9, 0.4]), np.array([0, 1, 1])).tolist()
        [1, 1, 2]
    """
    founder = np.arange(len(attraction))
    vacant = np.zeros((len(attraction), draws.max(initial=-1) + 1), dtype=np.bool_)  # by founder and draw
    for row in _surest_first(scores):
        pull = np.where(vacant[:, draws[row]], attraction[row], 0)
        if pull.max() > 0:
            founder[row] = pull.argmax()
        else:
            vacant[row] = True
        vacant[founder[row], draws[row]] = False
    return founder


def _attraction(
    boxes: Floats,
    labels: NDArray[np.int64],
    others: Floats,
    other_labels: NDArray[np.int64],
    threshold: float,
) -> NDArray[np.float64]:
    """(n, m) overlaps, and one more where the class is the same; zero below the threshold."""
    overlaps = paired_iou(boxes[:, None], others)
    return np.where(overlaps >= threshold, overlaps + (labels[:, None] == other_labels), 0)


def _surest_first(scores: Floats) -> list[int]:
    order: list[int] = np.argsort(-scores, kind="stable").tolist()
    return order


def _check(boxes: Floats, first: NDArray[np.generic], second: NDArray[np.generic], threshold: float) -> None:
    if boxes.shape != (len(first), 4) or len(first) != len(second):
        raise InvalidInput(f"{len(first)} and {len(second)} values are not one for each box of shape {boxes.shape}")
    if not 0 < threshold <= 1:
        raise InvalidInput(f"threshold must lie in (0, 1], got {threshold}")
