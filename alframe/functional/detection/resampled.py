"""How well a detector does on images drawn again and again: matched once, counted as often as they are drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from alframe.functional.blocks import row_blocks
from alframe.functional.detection.coco import MOST_DETECTIONS
from alframe.functional.detection.overlaps import overlaps_with
from alframe.types import UNLABELLED, Floats, Object, Objects, Positions

RECALLS = np.linspace(0, 1, 101)
"""Where COCO reads the precision off."""


def right_detections(
    truth: Sequence[Objects], found: Sequence[Objects], label: int, overlap: float = 0.5
) -> tuple[Positions, NDArray[np.bool_], NDArray[np.int64]]:
    """Which detections of a class are right, by COCO's rules: what ``resampled_precision`` reads.

    Args:
        truth: the objects of each of N images.
        found: the detections in each, with scores.
        label: the class.
        overlap: the least intersection over union at which a box counts as found.

    Returns:
        The image of each of D detections, surest first, whether it is right, (D,), and how many objects each image has,
        (N,). Detections of what is to be ignored are left out, and so are those less sure than the last right one,
        which change no average precision.

    Examples:
        >>> from alframe.types import Object
        >>> pit = Object(box=(0, 0, 10, 10), label=0)
        >>> near, far = (Object(box=(0, 0, 10, end), label=0, score=end / 10) for end in (8, 9))
        >>> truth, found = [Objects((pit,)), Objects()], [Objects((near,)), Objects((far,))]
        >>> images, right, objects = right_detections(truth, found, label=0)
        >>> images.tolist(), right.tolist(), objects.tolist()
        ([1, 0], [False, True], [1, 0])
    """
    images: list[int] = []
    scores: list[float] = []
    right: list[bool] = []
    for image, (objects, detections) in enumerate(zip(truth, found, strict=True)):
        mine = Objects(tuple(sorted(_of_class(detections, label), key=_surest_first)[:MOST_DETECTIONS]))
        for each, taken in zip(mine, _taken(_of_class(objects, label), mine, overlap), strict=True):
            if taken is not None:
                images.append(image)
                scores.append(each.score or 0.0)
                right.append(taken)
    order = np.argsort(-np.array(scores), kind="stable")
    hits = np.array(right, dtype=np.bool_)[order]
    last = np.flatnonzero(hits).max(initial=-1) + 1
    counts = [sum(not each.ignored for each in _of_class(objects, label)) for objects in truth]
    return np.array(images, dtype=np.int64)[order][:last], hits[:last], np.array(counts, dtype=np.int64)


def resampled_precision(
    images: Positions, right: NDArray[np.bool_], objects: NDArray[np.int64], counts: Floats
) -> NDArray[np.float64]:
    """COCO's average precision of a class over images that are counted so often, (B, N) -> (B,), in [0, 1].

    NaN where no object is drawn. With each image counted once it is that of ``average_precision``; one that is counted
    twice counts as two images would.

    Args:
        images: (D,) the image of each detection, surest first.
        right: (D,) whether it is right.
        objects: (N,) how many objects each image has.
        counts: (B, N) how often each image counts.

    Examples:
        >>> images, right, objects = np.array([1, 0]), np.array([False, True]), np.array([1, 0])
        >>> resampled_precision(images, right, objects, np.array([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]]))
        array([0.5, 1. , nan])
    """
    totals = counts @ objects
    found = np.where(totals > 0, 0.0, np.nan)
    for part in row_blocks(len(counts) if len(images) else 0, len(images)):
        drawn = counts[part][:, images]
        hits = np.cumsum(drawn * right, axis=1)
        detections = np.cumsum(drawn, axis=1)
        precision = np.divide(hits, detections, out=np.zeros_like(hits), where=detections > 0)
        best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        for row, total in enumerate(totals[part].tolist(), start=part.start):
            if total > 0:
                at = np.searchsorted(hits[row - part.start] / total, RECALLS)
                reached = at[at < len(images)]
                found[row] = best[row - part.start, reached].sum() / len(RECALLS)
    return found


def resampled_found(
    scores: Floats, defective: NDArray[np.bool_], false_alarms: float, counts: Floats
) -> NDArray[np.float64]:
    """``found_at_false_alarms`` of images that are counted so often, (B, N) -> (B,); NaN where one kind is not drawn.

    Args:
        scores: (N,) score of each image, from 0 up; 0 is never reported.
        defective: (N,) whether something is to be found there.
        false_alarms: the share of the other images that may be reported, in [0, 1).
        counts: (B, N) how often each image counts.

    Examples:
        >>> scores, defective = np.array([0.875, 0.5, 0.75, 0.25]), np.array([True, True, False, False])
        >>> resampled_found(scores, defective, 0.4, np.array([[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 0.0, 2.0]]))
        array([0.5, 1. ])
    """
    sound = np.flatnonzero(~defective)
    sound = sound[np.argsort(-scores[sound], kind="stable")]
    reported = np.cumsum(counts[:, sound], axis=1)
    totals, wanted = counts[:, ~defective].sum(axis=1), counts[:, defective].sum(axis=1)
    found = np.full(len(counts), np.nan)
    known = (totals > 0) & (wanted > 0)
    if known.any():
        allowed = np.floor(false_alarms * totals[known] + 1e-9)  # 0.29 * 100 is less than 29
        first = (reported[known] <= allowed[:, np.newaxis]).sum(axis=1)
        exceeded = scores[sound][first]
        hits = counts[known][:, defective] * (scores[defective] > exceeded[:, np.newaxis])
        found[known] = hits.sum(axis=1) / wanted[known]
    return found


def _taken(truth: Objects, found: Objects, overlap: float) -> list[bool | None]:
    """Whether each detection, surest first, is right; ``None`` for one of what is to be ignored."""
    meets = overlaps_with(found, truth)
    ignored = truth.ignored
    free = np.ones(len(truth), dtype=np.bool_)
    crowds = np.array([each.crowd for each in truth], dtype=np.bool_)
    answers: list[bool | None] = []
    for row in meets if len(truth) else np.empty((len(found), 0)):
        reached = (row >= min(overlap, 1 - 1e-10)) & (free | crowds)
        candidates = np.flatnonzero(reached & ~ignored)
        candidates = candidates if len(candidates) else np.flatnonzero(reached)
        if len(candidates) == 0:
            answers.append(False)
            continue
        taken = candidates[::-1][row[candidates[::-1]].argmax()]  # of equals the last, as COCO has it
        free[taken] = False
        answers.append(None if ignored[taken] else True)
    return answers


def _of_class(objects: Objects, label: int) -> Objects:
    """What is of the class, and what is to be ignored whatever is detected there."""
    return Objects(tuple(each for each in objects if each.label in (label, UNLABELLED)))


def _surest_first(each: Object) -> float:
    return -(each.score or 0.0)
