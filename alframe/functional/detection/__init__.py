"""Boxes: what a detector found, and which boxes speak of the same object."""

from __future__ import annotations

from alframe.functional.detection.alarm import found_at_false_alarms
from alframe.functional.detection.coco import average_precision
from alframe.functional.detection.confusion import detection_confusion, detection_quality
from alframe.functional.detection.found import detected

__all__ = [
    "average_precision",
    "detected",
    "detection_confusion",
    "detection_quality",
    "found_at_false_alarms",
]
