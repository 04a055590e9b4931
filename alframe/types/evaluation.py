"""A learner on held-out samples: one record for each task, and what reports and stopping rules read of all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from alframe.types.objects import Objects

Task = Literal["classification", "detection", "segmentation"]


@dataclass(frozen=True)
class Reliability:
    """How sure predictions are and how often they are right, in B bins of equal width of how sure they are.

    Attributes:
        confidence: mean of the highest probability among the samples of each bin, in [0, 1]; ``None`` without samples.
        accuracy: share of them whose most probable class is right, in [0, 1]; ``None`` without samples.
        count: how many samples the bin has.
    """

    confidence: tuple[float | None, ...]
    accuracy: tuple[float | None, ...]
    count: tuple[int, ...]


@dataclass(frozen=True)
class Classification:
    """A classifier on held-out samples.

    Attributes:
        samples: how many were scored.
        unreadable: how many could not be decoded and were left out.
        accuracy: share of samples whose most probable class is right, in [0, 1].
        nll: mean negative log-likelihood of the true class, in nats.
        calibration_error: expected calibration error over 15 bins, in [0, 1].
        class_accuracy: accuracy among the samples of each class; ``None`` for a class without samples.
        reliability: the bins of the calibration error.
        slices: accuracy among the samples of each group of the source.
        uncalibrated: the same learner on the same samples as it was before its calibration; ``None`` if it has none.
    """

    samples: int
    unreadable: int
    accuracy: float
    nll: float
    calibration_error: float
    class_accuracy: tuple[float | None, ...]
    reliability: Reliability
    slices: Mapping[str, float | None] = field(default_factory=dict)
    uncalibrated: Classification | None = None
    task: Literal["classification"] = "classification"

    @property
    def metrics(self) -> dict[str, float]:
        """What a learning curve shows, by name; the first says most."""
        return {"accuracy": self.accuracy, "nll": self.nll, "calibration_error": self.calibration_error}

    @property
    def by_class(self) -> tuple[float | None, ...]:
        """The first of the metrics among the samples of each class."""
        return self.class_accuracy


@dataclass(frozen=True)
class Example:
    """A held-out image that was scored.

    Attributes:
        sample_id: which.
        quality: how well the learner did on it, in [0, 1]; 1 is perfect.
        found: what it saw there, with scores.
    """

    sample_id: str
    quality: float
    found: Objects


@dataclass(frozen=True)
class Detection:
    """A detector on held-out images.

    An average precision is COCO's: precision at 101 recalls, mean over the thresholds of overlap from 0.50 to 0.95 and
    over the classes that occur, at most 100 detections of a class in an image, in [0, 1]; ``None`` where there is no
    such object. Crowds and difficult objects are neither found nor missed.

    Attributes:
        samples: how many images were scored.
        unreadable: how many could not be decoded and were left out.
        average_precision: over everything.
        average_precision_50: at an overlap of 0.50.
        average_precision_75: at an overlap of 0.75.
        by_size: average precision of ``small`` objects (boxes of up to 32 x 32 pixels), ``medium`` ones (up to 96 x 96)
            and ``large`` ones.
        average_recall: share of objects found, mean over the same classes and thresholds.
        class_precision: average precision at an overlap of 0.50 of each class.
        found: share of the images with an object, in [0, 1], whose highest score exceeds ``alarm_score``; ``None``
            where there are no such images, or no others.
        alarm_score: the lowest score that no more than ``false_alarms`` of the images without an object exceed;
            ``None`` as for ``found``.
        false_alarms: the share of images without an object, in [0, 1), that may be reported.
        confusion: (C + 1, C + 1) objects by true class (rows) and detected class (columns) at an overlap of 0.50 and a
            score of 0.5; the last row counts detections where nothing is, the last column objects that nobody detected.
        slices: average precision at 0.50 among the images of each group of the source.
        worst: the images on which the detector did worst, worst first.
    """

    samples: int
    unreadable: int
    average_precision: float | None
    average_precision_50: float | None
    average_precision_75: float | None
    by_size: Mapping[str, float | None]
    average_recall: float | None
    class_precision: tuple[float | None, ...]
    found: float | None
    alarm_score: float | None
    false_alarms: float
    confusion: tuple[tuple[int, ...], ...]
    slices: Mapping[str, float | None] = field(default_factory=dict)
    worst: tuple[Example, ...] = ()
    task: Literal["detection"] = "detection"

    @property
    def metrics(self) -> dict[str, float]:
        """What a learning curve shows, by name; the first says most. Without any object all of them are 0."""
        return {
            "average_precision_50": self.average_precision_50 or 0.0,
            "average_precision": self.average_precision or 0.0,
            "average_recall": self.average_recall or 0.0,
        }

    @property
    def by_class(self) -> tuple[float | None, ...]:
        """The first of the metrics for each class."""
        return self.class_precision

    @property
    def class_counts(self) -> tuple[tuple[int, int], ...]:
        """For each class, how many objects there are, and how many of them are detected as what they are."""
        return tuple((sum(row), row[label]) for label, row in enumerate(self.confusion[:-1]))


@dataclass(frozen=True)
class Segmentation:
    """A segmenter on held-out images. Background is a class too, the first; pixels to be ignored count nowhere.

    Attributes:
        samples: how many images were scored.
        unreadable: how many could not be decoded and were left out.
        mean_iou: mean of ``class_iou`` over the classes that occur, in [0, 1].
        mean_dice: mean of ``class_dice`` over the classes that occur, in [0, 1].
        pixel_accuracy: share of pixels whose most probable class is right, in [0, 1].
        class_iou: for background and each class, pixels that are the class and predicted so, among those that are
            either; ``None`` where no image has it.
        class_dice: twice those pixels, by the sum of those that are it and of those predicted so.
        confusion: (C + 1, C + 1) pixels by true class (rows) and predicted class (columns), background first.
        found_by_size: share of the pixels of ``small`` objects (masks of up to 32 x 32 pixels), ``medium`` ones (up to
            96 x 96) and ``large`` ones that get their class, in [0, 1]; ``None`` where there is no such object. A mask
            is one object, as it was annotated; what lies under others does not count.
        slices: mean IoU among the images of each group of the source.
        worst: the images on which the segmenter did worst, worst first.
    """

    samples: int
    unreadable: int
    mean_iou: float
    mean_dice: float
    pixel_accuracy: float
    class_iou: tuple[float | None, ...]
    class_dice: tuple[float | None, ...]
    confusion: tuple[tuple[int, ...], ...]
    found_by_size: Mapping[str, float | None] = field(default_factory=dict)
    slices: Mapping[str, float | None] = field(default_factory=dict)
    worst: tuple[Example, ...] = ()
    task: Literal["segmentation"] = "segmentation"

    @property
    def metrics(self) -> dict[str, float]:
        """What a learning curve shows, by name; the first says most."""
        return {"mean_iou": self.mean_iou, "mean_dice": self.mean_dice, "pixel_accuracy": self.pixel_accuracy}

    @property
    def by_class(self) -> tuple[float | None, ...]:
        """The first of the metrics for each class, without background."""
        return self.class_iou[1:]


Evaluation: TypeAlias = Classification | Detection | Segmentation


@dataclass(frozen=True)
class CurvePoint:
    """One point of a learning curve.

    Attributes:
        round: in which it was reached.
        labels: how many samples were labelled.
        evaluation: of the round's learner.
        groups: the groups of the source that a labelled sample is of, in alphabetical order.
    """

    round: int
    labels: int
    evaluation: Evaluation
    groups: tuple[str, ...] = ()
