"""Strategies for detectors: they read boxes, their classes and their draws, and choose images."""

from __future__ import annotations

from alframe.strategy.detection.budget import BoxBudget, BoxCostAware
from alframe.strategy.detection.classes import ClassComplementarity, RareClasses
from alframe.strategy.detection.diversity import Ccms, Ppal
from alframe.strategy.detection.errors import ExpectedMisses, HardNegatives
from alframe.strategy.detection.localisation import BoxVariance, Consistency, LocalisationStability
from alframe.strategy.detection.uncertainty import BoxBald, BoxEntropy, BoxLeastConfidence, BoxMargin

__all__ = [
    "BoxBald",
    "BoxBudget",
    "BoxCostAware",
    "BoxEntropy",
    "BoxLeastConfidence",
    "BoxMargin",
    "BoxVariance",
    "Ccms",
    "ClassComplementarity",
    "Consistency",
    "ExpectedMisses",
    "HardNegatives",
    "LocalisationStability",
    "Ppal",
    "RareClasses",
]
