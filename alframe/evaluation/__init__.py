"""A learner on held-out samples -> Evaluation."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pytorch_lightning import Trainer

from alframe.data import ImageData
from alframe.evaluation.classification import evaluate_classifier, score
from alframe.evaluation.detection import evaluate_detector, score_detections
from alframe.evaluation.held_out import outcomes
from alframe.evaluation.outcomes import ClassifierOutcomes, DetectorOutcomes, SegmenterOutcomes
from alframe.evaluation.segmentation import evaluate_segmenter
from alframe.learner import Learner
from alframe.types import Evaluation, Positions, Task

__all__ = [
    "ClassifierOutcomes",
    "DetectorOutcomes",
    "SegmenterOutcomes",
    "evaluate",
    "evaluate_classifier",
    "evaluate_detector",
    "evaluate_segmenter",
    "outcomes",
    "score",
    "score_detections",
]

_EVALUATIONS: Mapping[Task, Callable[..., Evaluation]] = {
    "classification": evaluate_classifier,
    "detection": evaluate_detector,
    "segmentation": evaluate_segmenter,
}


def evaluate(
    learner: Learner, data: ImageData, positions: Positions, make_trainer: Callable[..., Trainer], *, seed: int
) -> Evaluation:
    """Score a learner on held-out samples, as its task asks for.

    Args:
        learner: predicts.
        data: reads the images; its source knows the labels.
        positions: the held-out samples.
        make_trainer: builds a Trainer.
        seed: of the posterior's draws.

    Raises:
        DataError: no held-out sample can be read.
    """
    return _EVALUATIONS[learner.task](learner, data, positions, make_trainer, seed=seed)
