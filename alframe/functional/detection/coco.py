"""How well boxes are found, by COCO's rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from faster_coco_eval.core.coco import COCO
from faster_coco_eval.core.faster_eval_api import COCOeval_faster
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.types import UNLABELLED, Object, Objects

OVERLAPS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""The least intersection over union at which a box counts as found."""

SIZES = ("all", "small", "medium", "large")
"""Small are boxes of up to 32 x 32 pixels, medium of up to 96 x 96."""

OF_NO_SIZE = -1.0
"""The area of a difficult object: COCO ignores, by object, only what lies outside the sizes that are asked for."""

MOST_DETECTIONS = 100
"""Of the detections of a class in an image, so many of the surest count."""


def average_precision(
    truth: Sequence[Objects], found: Sequence[Objects], num_classes: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """COCO's average precision and recall of detections, -> (10, C, 4) twice: by ``OVERLAPS``, class and ``SIZES``.

    An average precision is the mean, over 101 recalls, of the highest precision at that recall or above; a recall is
    the share of objects found. Both are NaN where there is no such object. What is to be ignored is neither found nor
    missed: a crowd takes up any number of detections that lie in it, a difficult object one. It may be of the class
    ``UNLABELLED``, and is ignored then whatever is detected there.

    Args:
        truth: the objects of each of N images.
        found: the detections in each of them, with scores.
        num_classes: C.

    Raises:
        InvalidInput: lengths that differ.

    Examples:
        >>> pit = Object(box=(0, 0, 10, 10), label=0)
        >>> near = Object(box=(0, 0, 10, 8), label=0, score=0.75)
        >>> precision, recall = average_precision([Objects((pit,))], [Objects((near,))], num_classes=2)
        >>> precision[:, 0, 0].round(3).tolist()
        [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0]
        >>> precision[0, 1].tolist()
        [nan, nan, nan, nan]

    Source: Lin et al., "Microsoft COCO: common objects in context", ECCV 2014, and the evaluation code of pycocotools.
    """
    if len(truth) != len(found):
        raise InvalidInput(f"truth is of {len(truth)} images and found of {len(found)}; give the same images")
    evaluation = COCOeval_faster(_dataset(truth, num_classes), _dataset(found, num_classes), "bbox")
    evaluation.params.maxDets = [MOST_DETECTIONS]
    evaluation.evaluate()
    precision, recall = evaluation.eval["precision"][..., 0], evaluation.eval["recall"][..., 0]
    return _known(precision.mean(axis=1)), _known(recall)


def _known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """With NaN for what COCO calls -1."""
    return np.where(values > -1, values, np.nan)


def _dataset(images: Sequence[Objects], num_classes: int) -> COCO:
    annotations = [
        {"image_id": image, "category_id": label} | _annotation(each)
        for image, objects in enumerate(images)
        for each in objects
        for label in (range(num_classes) if each.label == UNLABELLED else [each.label])
    ]
    return COCO(
        {
            "images": [{"id": image} for image in range(len(images))],
            "categories": [{"id": label} for label in range(num_classes)],
            "annotations": [{"id": number} | each for number, each in enumerate(annotations, start=1)],
        }
    )


def _annotation(each: Object) -> dict[str, Any]:
    left, top, right, bottom = each.box
    area = (right - left) * (bottom - top)
    return {
        "bbox": [left, top, right - left, bottom - top],
        "area": OF_NO_SIZE if each.difficult else area,
        "iscrowd": int(each.crowd),
        "score": each.score,
    }
