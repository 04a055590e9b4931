"""Query strategies: thin classes over ``functional/`` that choose which samples are worth a label."""

from __future__ import annotations

from alframe.strategy.base import Scorer, ScoreStrategy, Strategy, required, required_labels
from alframe.strategy.coverage import CoreSet, KMeans
from alframe.strategy.disagreement import Bald, VariationRatio, VoteEntropy
from alframe.strategy.hybrid import Badge
from alframe.strategy.random import Random
from alframe.strategy.uncertainty import Entropy, LeastConfidence, Margin

__all__ = [
    "Badge",
    "Bald",
    "CoreSet",
    "Entropy",
    "KMeans",
    "LeastConfidence",
    "Margin",
    "Random",
    "ScoreStrategy",
    "Scorer",
    "Strategy",
    "VariationRatio",
    "VoteEntropy",
    "required",
    "required_labels",
]
