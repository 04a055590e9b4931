"""Strategies that read posterior draws: disagreement on each sample, and information of a batch or about targets."""

from __future__ import annotations

from alframe.strategy.committee.disagreement import (
    Bald,
    ConsensusKl,
    MeanStd,
    PredictiveEntropy,
    VariationRatio,
    VoteEntropy,
)
from alframe.strategy.committee.information import BatchBald, Epig

__all__ = [
    "Bald",
    "BatchBald",
    "ConsensusKl",
    "Epig",
    "MeanStd",
    "PredictiveEntropy",
    "VariationRatio",
    "VoteEntropy",
]
