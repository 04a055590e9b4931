"""Query strategies: thin classes over ``functional/`` that choose which samples are worth a label."""

from __future__ import annotations

from alframe.strategy.base import Scorer, ScoreStrategy, Strategy, required, required_labels
from alframe.strategy.committee import (
    Bald,
    BatchBald,
    ConsensusKl,
    Epig,
    MeanStd,
    PredictiveEntropy,
    VariationRatio,
    VoteEntropy,
)
from alframe.strategy.composition import (
    ClassBalanced,
    CostAware,
    Mixture,
    Product,
    Stochastic,
    Stream,
    Subsampled,
    TwoStage,
    WithoutDuplicates,
)
from alframe.strategy.coverage import CoreSet, Density, FacilityLocation, KMeans, MaxHerding, ProbCover, TypiClust
from alframe.strategy.error_driven import Corrections, Forgetting, LearningLoss, PseudoLoss
from alframe.strategy.expected_change import ExpectedGradientLength
from alframe.strategy.hybrid import (
    AlfaMix,
    Badge,
    Bait,
    Cal,
    Cdal,
    Clue,
    ClusterMargin,
    Discriminative,
    Falcun,
    UncertaintyHerding,
    WeightedKMeans,
)
from alframe.strategy.random import Random
from alframe.strategy.targeted import Flqmi, Gcmi
from alframe.strategy.uncertainty import Entropy, LeastConfidence, Margin

__all__ = [
    "AlfaMix",
    "Badge",
    "Bait",
    "Bald",
    "BatchBald",
    "Cal",
    "Cdal",
    "ClassBalanced",
    "Clue",
    "ClusterMargin",
    "ConsensusKl",
    "CoreSet",
    "Corrections",
    "CostAware",
    "Density",
    "Discriminative",
    "Entropy",
    "Epig",
    "ExpectedGradientLength",
    "FacilityLocation",
    "Falcun",
    "Flqmi",
    "Forgetting",
    "Gcmi",
    "KMeans",
    "LearningLoss",
    "LeastConfidence",
    "Margin",
    "MaxHerding",
    "MeanStd",
    "Mixture",
    "PredictiveEntropy",
    "ProbCover",
    "Product",
    "PseudoLoss",
    "Random",
    "ScoreStrategy",
    "Scorer",
    "Stochastic",
    "Strategy",
    "Stream",
    "Subsampled",
    "TwoStage",
    "TypiClust",
    "UncertaintyHerding",
    "VariationRatio",
    "VoteEntropy",
    "WeightedKMeans",
    "WithoutDuplicates",
    "required",
    "required_labels",
]
