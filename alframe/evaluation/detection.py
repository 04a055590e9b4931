"""A detector on held-out images."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from pytorch_lightning import Trainer

from alframe.data import ImageData
from alframe.errors import DataError
from alframe.evaluation.summary import each_known, mean_known, worst
from alframe.functional import (
    average_precision,
    detected,
    detection_confusion,
    detection_quality,
    found_at_false_alarms,
)
from alframe.functional.detection.coco import OVERLAPS, SIZES
from alframe.learner import Learner
from alframe.scoring import predict, were_read
from alframe.types import Detection, Example, Object, Objects, Positions, SampleTable

FALSE_ALARMS = 0.05
"""The share of images without an object that an inspection may report."""

SURE = 0.5
"""Detections of at least this score are counted one by one, and shown."""


def evaluate_detector(
    learner: Learner,
    data: ImageData,
    positions: Positions,
    make_trainer: Callable[..., Trainer],
    *,
    seed: int,
) -> Detection:
    """Score a learner's detections against the source's objects.

    Args:
        learner: predicts ``boxes`` and ``box_probs``.
        data: reads the images.
        positions: the held-out samples.
        make_trainer: builds a Trainer.
        seed: of the posterior's draws.

    Raises:
        DataError: no held-out sample can be read.
    """
    predictions = predict(
        learner, data, positions, {"boxes", "box_probs"}, make_trainer, seed=seed, description="evaluate"
    )
    if len(predictions) == 0 or predictions.boxes is None or predictions.box_probs is None:
        raise DataError(f"none of the {len(positions)} held-out samples can be scored: a run needs test images")
    read = positions[were_read(data, positions, predictions)]
    found = [detected(*rows) for rows in zip(predictions.boxes, predictions.box_probs, strict=True)]
    return score_detections(
        data.source.table, read, found, num_classes=data.num_classes, unreadable=len(positions) - len(read)
    )


def score_detections(
    table: SampleTable, positions: Positions, found: Sequence[Objects], *, num_classes: int, unreadable: int = 0
) -> Detection:
    """What was found in the images at ``positions``, with scores, against the table's objects.

    Average precision weighs detections of any score; confusion and worst images are of those that are ``SURE``.
    """
    truth: list[Objects] = table.labels[positions].tolist()
    precision, recall = average_precision(truth, found, num_classes)
    sure = [Objects(tuple(each for each in objects if _score(each) >= SURE)) for objects in found]
    confusions = [detection_confusion(*pair, num_classes) for pair in zip(truth, sure, strict=True)]
    share, alarm_score = _inspection(*inspected(truth, found)[1:])
    return Detection(
        samples=len(found),
        unreadable=unreadable,
        average_precision=mean_known(precision[:, :, 0]),
        average_precision_50=mean_known(precision[0, :, 0]),
        average_precision_75=mean_known(precision[OVERLAPS.index(0.75), :, 0]),
        by_size={size: mean_known(precision[:, :, column]) for column, size in enumerate(SIZES) if size != "all"},
        average_recall=mean_known(recall[:, :, 0]),
        class_precision=each_known(precision[0, :, 0]),
        found=share,
        alarm_score=alarm_score,
        false_alarms=FALSE_ALARMS,
        confusion=tuple(tuple(row) for row in np.sum(confusions, axis=0).tolist()),
        slices=_slices(table.groups[positions], truth, found, num_classes),
        worst=_worst(table.ids[positions].tolist(), confusions, sure),
    )


def inspected(
    truth: Sequence[Objects], found: Sequence[Objects]
) -> tuple[Positions, NDArray[np.float64], NDArray[np.bool_]]:
    """The images that an inspection is judged by, (n,), the highest score in each, and whether it has an object.

    Where all is to be ignored, a report is neither right nor wrong.
    """
    clear = [row for row, objects in enumerate(truth) if not len(objects) or not objects.ignored.all()]
    scores = np.array([max(map(_score, found[row]), default=0.0) for row in clear], dtype=np.float64)
    defective = np.array([len(truth[row]) > 0 for row in clear], dtype=np.bool_)
    return np.array(clear, dtype=np.int64), scores, defective


def _inspection(scores: NDArray[np.float64], defective: NDArray[np.bool_]) -> tuple[float | None, float | None]:
    """The share of images with an object that are reported, and the score they exceed."""
    if defective.all() or not defective.any():
        return None, None
    return found_at_false_alarms(scores, defective, FALSE_ALARMS)


def _score(detection: Object) -> float:
    return detection.score or 0.0


def _slices(
    groups: NDArray[np.str_], truth: Sequence[Objects], found: Sequence[Objects], num_classes: int
) -> dict[str, float | None]:
    """Average precision at an overlap of 0.50 among the images of each group that has a name."""
    slices = {}
    for group in np.unique(groups[groups != ""]).tolist():
        rows = np.flatnonzero(groups == group).tolist()
        precision, _ = average_precision([truth[row] for row in rows], [found[row] for row in rows], num_classes)
        slices[group] = mean_known(precision[0, :, 0])
    return slices


def _worst(
    ids: Sequence[str], confusions: Sequence[NDArray[np.int64]], found: Sequence[Objects]
) -> tuple[Example, ...]:
    """The images with the lowest F1; of equals first those with the most mistakes."""
    mistakes = [int(confusion.sum() - np.trace(confusion)) for confusion in confusions]
    rows = sorted(range(len(ids)), key=lambda row: -mistakes[row])
    return tuple(worst(Example(ids[row], detection_quality(confusions[row]), found[row]) for row in rows))
