"""The objects of an image that most annotators drew."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, combinations

import numpy as np
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional.agreement.objects import mean_matched_iou, object_overlaps
from alframe.functional.checks import check_weights
from alframe.functional.detection.matching import group_attracted
from alframe.functional.regions import box_of, decode_region, encode_region, image_size
from alframe.types import Object, ObjectConsensus, Objects, Rle

Drawn = Sequence[tuple[Object, float]]
"""What several annotators drew as one object, each with the annotator's weight."""


def consensus_boxes(
    per_annotator: Sequence[Objects],
    *,
    weights: NDArray[np.float64] | None = None,
    min_iou: float = 0.5,
    size: tuple[int, int] | None = None,
) -> ObjectConsensus:
    """The objects of an image that annotators of more than half the weight drew, A x Objects -> ObjectConsensus.

    Objects of one class are put together by their overlap, one of each annotator at most: the one that resembles the
    others most founds a group, and each further one joins the founder that it overlaps most, at least by ``min_iou``,
    as in weighted boxes fusion. The box of a group is the weighted mean of theirs. Where annotators of more than half
    of the group's weight drew a mask, its mask is the pixels that more than half of their weight covers, and its box
    is the box around these.

    Args:
        per_annotator: what each annotator drew; nothing is an answer too, and counts against what others drew.
        weights: (A,) what each annotator counts; one each by default.
        min_iou: least intersection over union, in (0, 1], by pixels where both have a mask, by boxes elsewhere.
        size: height and width of the image; needed only where all masks are polygons.

    Raises:
        InvalidInput: no annotator, or none with any weight; a ``min_iou`` outside (0, 1]; masks of images of different
            sizes; polygons alone, and no size.

    Source:
        Solovyev, Wang & Gabruseva, "Weighted boxes fusion", Image and Vision Computing 107, 2021.

    Examples:
        >>> drawn = [Objects((Object(box=(0, 0, 4, right), label=0),)) for right in (4, 4, 5.5)]
        >>> consensus = consensus_boxes([*drawn, Objects()])
        >>> consensus.objects.boxes.tolist(), consensus.support.tolist()
        ([[0.0, 0.0, 4.0, 4.5]], [0.75])
    """
    counts = check_weights(np.ones(len(per_annotator)) if weights is None else weights, len(per_annotator))
    if not counts.any():
        raise InvalidInput("a consensus needs an annotator whose weight is not zero")
    if not 0 < min_iou <= 1:
        raise InvalidInput(f"min_iou must lie in (0, 1], got {min_iou}")
    drawn = Objects(tuple(chain.from_iterable(per_annotator)))
    by = np.repeat(np.arange(len(per_annotator)), [len(each) for each in per_annotator])
    overlaps = object_overlaps(drawn, drawn, size)
    resembling = (overlaps * (by[:, None] != by)) @ counts[by]
    groups = group_attracted(np.where(overlaps >= min_iou, overlaps, 0), resembling, by)
    image = image_size((each.mask for each in drawn), size)
    found = []
    for founder in np.unique(groups):
        members = [(drawn.objects[row], float(counts[by[row]])) for row in np.flatnonzero(groups == founder)]
        support = sum(weight for _, weight in members) / counts.sum()
        if support > 0.5:
            found.append((_merged(members, image), support))
    found.sort(key=lambda each: (each[0].label, each[0].box))
    pairs = combinations(per_annotator, 2)
    agreement = [mean_matched_iou(first, second, image) for first, second in pairs]
    return ObjectConsensus(
        Objects(tuple(each for each, _ in found)),
        np.array([support for _, support in found], dtype=np.float64),
        float(np.mean(agreement)) if agreement else float("nan"),
    )


def _merged(members: Drawn, image: tuple[int, int] | None) -> Object:
    """One object of what several annotators drew."""
    weights = np.array([weight for _, weight in members])
    mean = np.average([each.box for each, _ in members], axis=0, weights=weights).tolist()
    box, mask = (mean[0], mean[1], mean[2], mean[3]), None
    masked = [(each, weight) for each, weight in members if each.mask is not None]
    if image is not None and _most(members, [each.mask is not None for each, _ in members]):
        box, mask = _merged_mask(masked, image)
    crowd, difficult = (_most(members, [getattr(each, name) for each, _ in members]) for name in ("crowd", "difficult"))
    return Object(box, members[0][0].label, mask, crowd=crowd, difficult=difficult)


def _merged_mask(members: Drawn, image: tuple[int, int]) -> tuple[tuple[float, float, float, float], Rle]:
    """The pixels that most of the weight covers, and the box around them."""
    covered = np.zeros(image)
    for each, weight in members:
        if each.mask is not None:
            covered += weight * decode_region(each.mask, *image)
    pixels = covered > sum(weight for _, weight in members) / 2
    return box_of(pixels), encode_region(pixels)


def _most(members: Drawn, holds: Sequence[bool]) -> bool:
    """Whether it holds for more than half of the weight."""
    weights = [weight for _, weight in members]
    return bool(np.dot(weights, holds) > sum(weights) / 2)
