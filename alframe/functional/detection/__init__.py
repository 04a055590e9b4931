"""Boxes: what a detector found, which boxes speak of the same object, and which images are worth their boxes."""

from __future__ import annotations

from alframe.functional.detection.aggregation import image_scores
from alframe.functional.detection.alarm import found_at_false_alarms
from alframe.functional.detection.classes import class_complementarity, rare_classes
from alframe.functional.detection.coco import average_precision
from alframe.functional.detection.confusion import detection_confusion, detection_quality
from alframe.functional.detection.counts import (
    class_presence,
    detection_scores,
    expected_boxes,
    expected_cost,
    expected_counts,
    object_counts,
)
from alframe.functional.detection.errors import unconfirmed
from alframe.functional.detection.found import detected
from alframe.functional.detection.localisation import box_variance, consistency, localisation_stability
from alframe.functional.detection.matching import group_attracted, group_boxes, match_boxes
from alframe.functional.detection.ppal import calibrated_uncertainty, class_difficulty, k_medoids, ppal
from alframe.functional.detection.resampled import resampled_found, resampled_precision, right_detections
from alframe.functional.detection.similarity import category_similarity, ccms
from alframe.functional.detection.uncertainty import box_bald, box_entropy, box_least_confidence, box_margin

__all__ = [
    "average_precision",
    "box_bald",
    "box_entropy",
    "box_least_confidence",
    "box_margin",
    "box_variance",
    "calibrated_uncertainty",
    "category_similarity",
    "ccms",
    "class_complementarity",
    "class_difficulty",
    "class_presence",
    "consistency",
    "detected",
    "detection_confusion",
    "detection_quality",
    "detection_scores",
    "expected_boxes",
    "expected_cost",
    "expected_counts",
    "found_at_false_alarms",
    "group_attracted",
    "group_boxes",
    "image_scores",
    "k_medoids",
    "localisation_stability",
    "match_boxes",
    "object_counts",
    "ppal",
    "rare_classes",
    "resampled_found",
    "resampled_precision",
    "right_detections",
    "unconfirmed",
]
