"""Detectors: images to boxes, each with a class distribution and its draws."""

from alframe.learner.detection.detector import Detector
from alframe.learner.detection.faster_rcnn import FasterRCNN
from alframe.learner.detection.network import DetectionNetwork
from alframe.learner.detection.posterior import DetectionPosterior, Ensemble, Flips, MCDropout, Noise, PointEstimate
from alframe.learner.detection.single_shot import FCOS, RetinaNet, SSDLite

__all__ = [
    "FCOS",
    "DetectionNetwork",
    "DetectionPosterior",
    "Detector",
    "Ensemble",
    "FasterRCNN",
    "Flips",
    "MCDropout",
    "Noise",
    "PointEstimate",
    "RetinaNet",
    "SSDLite",
]
