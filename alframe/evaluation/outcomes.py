"""What a learner did on each held-out sample, for comparing learners on the same ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from alframe.evaluation.classification import CALIBRATION_BINS
from alframe.evaluation.detection import FALSE_ALARMS, inspected
from alframe.evaluation.segmentation import of_true_classes
from alframe.evaluation.summary import each_known
from alframe.functional import (
    expected_calibration_error,
    pixel_dice,
    pixel_iou,
    reliability,
    resampled_found,
    resampled_precision,
    right_detections,
)
from alframe.types import Floats, GateMetric, Ids, Objects, Outcomes, Task


class ClassifierOutcomes(Outcomes):
    """A classifier on N samples.

    ``accuracy``; ``log_likelihood`` of the true class, its mean in nats, at most 0; ``balanced_accuracy`` and
    ``macro_f1``, means over the classes that occur of the share of each that is found, and of its F1.

    Args:
        ids: (N,) sample ids.
        groups: (N,) slice names.
        classes: names of the C classes.
        seconds: what one sample took.
        probs: (N, C) predicted probabilities.
        labels: (N,) true classes.
    """

    task: ClassVar[Task] = "classification"

    def __init__(
        self,
        ids: Ids,
        groups: NDArray[np.str_],
        classes: Sequence[str],
        seconds: float,
        *,
        probs: Floats,
        labels: NDArray[np.int64],
    ) -> None:
        self.ids, self.groups, self.classes, self.seconds = ids, groups, tuple(classes), seconds
        self._probs, self._labels = probs, labels
        believed = probs[np.arange(len(labels)), labels].astype(np.float64)
        each = np.eye(len(self.classes))
        self._true, self._predicted = each[labels], each[probs.argmax(axis=1)]
        self._right = self._true * self._predicted
        self._means = {
            "accuracy": self._right.sum(axis=1),
            "log_likelihood": np.log(np.maximum(believed, np.finfo(np.float32).tiny)),
        }

    def values(self, metric: GateMetric, counts: Floats) -> Floats:
        """Means over samples, or over classes of what is counted in each."""
        if metric in self._means:
            return _quotient(counts @ self._means[metric], counts.sum(axis=1))
        right, true = counts @ self._right, counts @ self._true
        if metric == "balanced_accuracy":
            return _mean_known(_quotient(right, true))
        f1 = _quotient(2 * right, true + counts @ self._predicted)
        return _mean_known(np.where(true > 0, f1, np.nan))

    def by_class(self) -> tuple[float | None, ...]:
        """Accuracy among the samples of each class."""
        return each_known(_quotient(self._right.sum(axis=0), self._true.sum(axis=0)))

    def calibration_error(self) -> float:
        """As in the evaluation."""
        return expected_calibration_error(reliability(self._probs, self._labels, CALIBRATION_BINS))


class DetectorOutcomes(Outcomes):
    """A detector on N images, its detections held against the objects once.

    ``average_precision_50``, as in the evaluation, and ``found``: the share of images with an object that are reported
    while no more than 5 % of the others are.

    Args:
        ids: (N,) sample ids.
        groups: (N,) slice names.
        classes: names of the C classes.
        seconds: what one image took.
        truth: the objects of each image.
        found: the detections in each, with scores.
    """

    task: ClassVar[Task] = "detection"

    def __init__(
        self,
        ids: Ids,
        groups: NDArray[np.str_],
        classes: Sequence[str],
        seconds: float,
        *,
        truth: Sequence[Objects],
        found: Sequence[Objects],
    ) -> None:
        self.ids, self.groups, self.classes, self.seconds = ids, groups, tuple(classes), seconds
        self._matches = [right_detections(truth, found, label) for label in range(len(self.classes))]
        self._clear, self._scores, self._defective = inspected(truth, found)

    def values(self, metric: GateMetric, counts: Floats) -> Floats:
        """From the matches, or from the score of each image."""
        if metric == "found":
            return resampled_found(self._scores, self._defective, FALSE_ALARMS, counts[:, self._clear])
        return _mean_known(self._precision(counts))

    def by_class(self) -> tuple[float | None, ...]:
        """Average precision of each class at an overlap of 0.50."""
        return each_known(self._precision(np.ones((1, len(self))))[0])

    def calibration_error(self) -> None:
        """It is not defined for detections."""

    def _precision(self, counts: Floats) -> NDArray[np.float64]:
        return np.stack([resampled_precision(*matches, counts) for matches in self._matches], axis=1)


class SegmenterOutcomes(Outcomes):
    """A segmenter on N images: ``mean_iou``, ``mean_dice`` and ``pixel_accuracy``, as in the evaluation.

    Args:
        ids: (N,) sample ids.
        groups: (N,) slice names.
        classes: names of the C classes, without background.
        seconds: what one image took.
        confusions: (N, C + 1, C + 1) pixels of each image by true class (rows) and predicted class, background first.
    """

    task: ClassVar[Task] = "segmentation"

    def __init__(
        self,
        ids: Ids,
        groups: NDArray[np.str_],
        classes: Sequence[str],
        seconds: float,
        *,
        confusions: NDArray[np.int64],
    ) -> None:
        self.ids, self.groups, self.classes, self.seconds = ids, groups, tuple(classes), seconds
        self._confusions = confusions.astype(np.float64)

    def values(self, metric: GateMetric, counts: Floats) -> Floats:
        """From the pixels of all images together."""
        pixels = np.tensordot(counts, self._confusions, axes=1)
        if metric == "pixel_accuracy":
            return _quotient(np.trace(pixels, axis1=1, axis2=2), pixels.sum(axis=(1, 2)))
        return _mean_known(of_true_classes(pixel_iou if metric == "mean_iou" else pixel_dice, pixels))

    def by_class(self) -> tuple[float | None, ...]:
        """Intersection over union of each class, without background."""
        return each_known(of_true_classes(pixel_iou, self._confusions.sum(axis=0)))[1:]

    def calibration_error(self) -> None:
        """It is not defined for class maps."""


def _quotient(part: Floats, whole: Floats) -> NDArray[np.float64]:
    """NaN where there is nothing."""
    return np.asarray(np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0))


def _mean_known(values: Floats) -> NDArray[np.float64]:
    """Mean of the values that are not NaN, (B, C) -> (B,); NaN where all are."""
    known = ~np.isnan(values)
    return _quotient(np.where(known, values, 0).sum(axis=1), known.sum(axis=1))
