"""What a model's answers about labelled samples cost: high where it is wrong and sure, (N,), in any task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional.checks import check_probs
from alframe.functional.detection.overlaps import paired_iou
from alframe.functional.detection.padding import check_detections
from alframe.functional.detection.truth import known_labels
from alframe.functional.regions import IGNORED, class_map
from alframe.functional.segmentation import pixel_confusion, pixel_iou, stretched
from alframe.types import Objects

MISSED = 0.01
"""The probability that an object has which nothing is found at: detectors do not report what is less probable."""

SAME_PLACE = 0.5
"""Intersection over union from which on a detection is of an object."""


def label_loss(probs: NDArray[Any], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Cross-entropy (nats) of each sample's label, (N, C), (N,) -> (N,), from 0 on.

    A probability of zero counts as the smallest float.

    >>> label_loss(np.array([[0.5, 0.5], [0.25, 0.75]]), np.array([1, 0])).round(4).tolist()
    [0.6931, 1.3863]

    Raises:
        InvalidInput: ``probs`` are not (N, C) probabilities; not one label for each row; a class that there is not.
    """
    probs, labels = check_probs(probs), np.asarray(labels)
    _check_one_each("labels", labels, probs)
    if len(labels) and not 0 <= labels.min() <= labels.max() < probs.shape[1]:
        raise InvalidInput(f"labels are {labels.min()} to {labels.max()}, and there are {probs.shape[1]} classes")
    believed = probs[np.arange(len(labels)), labels].astype(np.float64)
    return np.asarray(-np.log(np.maximum(believed, np.finfo(np.float64).tiny)))


def box_loss(objects: Sequence[Objects], boxes: NDArray[Any], box_probs: NDArray[Any]) -> NDArray[np.float64]:
    """Cross-entropy (nats) of an image per object, N x Objects, (N, K, 4), (N, K, C + 1) -> (N,), from 0 on.

    An object costs -log of the highest probability of its class among the detections in its place, and of ``MISSED``
    at least; a detection in the place of none costs -log of its probability of the background. The sum is divided by
    the number of objects, if there are any, as detectors are trained. Objects that are to be ignored cost nothing, nor
    do detections in their place or mostly inside them.

    >>> from alframe.types import Object
    >>> boxes = np.array([[[0.0, 0.0, 4.0, 4.0], [8.0, 8.0, 9.0, 9.0]]])
    >>> box_probs = np.array([[[0.75, 0.25], [0.5, 0.5]]])
    >>> box_loss([Objects((Object((0, 0, 4, 3), label=0),))], boxes, box_probs).round(4).tolist()
    [0.9808]

    Raises:
        InvalidInput: arrays that are not padded detections of the same images; not one ``Objects`` for each; a class
            that there is not.

    Source: of the division, Lin et al., "Focal loss for dense object detection", ICCV 2017.
    """
    found = check_detections(boxes=boxes, box_probs=box_probs)
    _check_one_each("objects", objects, boxes)
    rows = zip(objects, boxes, box_probs, found, strict=True)
    return np.array([_of_image(truth, place[there], probs[there]) for truth, place, probs, there in rows])


def pixel_loss(
    objects: Sequence[Objects], sizes: NDArray[np.int64], pixel_classes: NDArray[np.uint8]
) -> NDArray[np.float64]:
    """One less the mean IoU of the classes of an image, N x Objects, (N, 2), (N, h, w) -> (N,), in [0, 1].

    Over the classes, background among them, that are or were seen in one of its cells; of a cell the class that it is
    is the class at its centre. Zero where everything is to be ignored.

    >>> pixel_loss([Objects()], np.array([[4, 4]]), np.array([[[0, 0], [0, 1]]], dtype=np.uint8)).tolist()
    [0.625]

    Args:
        objects: with masks.
        sizes: height and width of each image, in pixels.
        pixel_classes: the most probable class of each cell: 0 for background, c + 1 for class c.

    Raises:
        InvalidInput: not one ``Objects`` and one size for each map; maps that are not uint8; a mask of another size.
    """
    _check_one_each("objects", objects, pixel_classes)
    _check_one_each("sizes", sizes, pixel_classes)
    if pixel_classes.ndim != 3 or pixel_classes.dtype != np.uint8:
        raise InvalidInput(f"pixel_classes must be (N, h, w) uint8, got {pixel_classes.shape} {pixel_classes.dtype}")
    rows = zip(objects, sizes.tolist(), pixel_classes, strict=True)
    return np.array([_of_maps(stretched(class_map(truth, *size), *seen.shape), seen) for truth, size, seen in rows])


def _of_image(truth: Objects, boxes: NDArray[Any], probs: NDArray[Any]) -> float:
    counted, regions = ~truth.ignored, truth.boxes
    labels = known_labels(truth, probs.shape[1] - 1)
    in_place = paired_iou(boxes[:, np.newaxis], regions) >= SAME_PLACE
    inside = paired_iou(boxes[:, np.newaxis], _cut_to(regions, boxes)) >= SAME_PLACE
    expected = in_place.any(axis=1) | (inside & ~counted).any(axis=1)
    believed = np.where(in_place[:, counted], probs[:, labels], 0).max(axis=0, initial=MISSED)
    believed = np.concatenate([believed, probs[~expected, -1]]).astype(np.float64)
    return float(-np.log(np.maximum(believed, np.finfo(np.float64).tiny)).sum() / max(len(labels), 1))


def _cut_to(regions: NDArray[Any], boxes: NDArray[Any]) -> NDArray[Any]:
    """The part of each box in each region, (m, 4), (k, 4) -> (k, m, 4); of no size where there is none."""
    lowest, highest = np.tile(regions[:, :2], 2), np.tile(regions[:, 2:], 2)
    return np.asarray(np.clip(boxes[:, np.newaxis], lowest, highest))


def _of_maps(truth: NDArray[np.uint8], seen: NDArray[np.uint8]) -> float:
    classes = max(truth[truth != IGNORED].max(initial=0), seen.max(initial=0))
    shares = pixel_iou(pixel_confusion(truth, seen, int(classes)))
    known = shares[~np.isnan(shares)]
    return float(1 - known.mean()) if len(known) else 0.0


def _check_one_each(name: str, values: Sequence[Any] | NDArray[Any], rows: NDArray[Any]) -> None:
    if len(values) != len(rows):
        raise InvalidInput(f"there are {len(values)} {name} for {len(rows)} samples; give one for each")
