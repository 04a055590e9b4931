"""Query strategies: thin classes over ``functional/`` that choose which samples are worth a label."""

from __future__ import annotations

from alframe.strategy.base import Scorer, ScoreStrategy, Strategy, required, required_labels
from alframe.strategy.coverage import CoreSet, KMeans
from alframe.strategy.disagreement import Bald, VariationRatio, VoteEntropy
from alframe.strategy.error_driven import Corrections, Forgetting, LearningLoss, PseudoLoss
from alframe.strategy.hybrid import Badge
from alframe.strategy.random import Random
from alframe.strategy.uncertainty import Entropy, LeastConfidence, Margin

__all__ = [
    "Badge",
    "Bald",
    "CoreSet",
    "Corrections",
    "Entropy",
    "Forgetting",
    "KMeans",
    "LearningLoss",
    "LeastConfidence",
    "Margin",
    "PseudoLoss",
    "Random",
    "ScoreStrategy",
    "Scorer",
    "Strategy",
    "VariationRatio",
    "VoteEntropy",
    "required",
    "required_labels",
]
