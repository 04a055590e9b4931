"""Strategies made of others: shortlists, mixtures, balance, costs, subsets, duplicates left out, several scores."""

from __future__ import annotations

from alframe.strategy.composition.class_balanced import ClassBalanced
from alframe.strategy.composition.cost_aware import CostAware
from alframe.strategy.composition.mixture import Mixture
from alframe.strategy.composition.product import Product
from alframe.strategy.composition.reported import Reported
from alframe.strategy.composition.stochastic import Stochastic
from alframe.strategy.composition.stream import Stream
from alframe.strategy.composition.subsampled import Subsampled
from alframe.strategy.composition.two_stage import TwoStage
from alframe.strategy.composition.without_duplicates import WithoutDuplicates

__all__ = [
    "ClassBalanced",
    "CostAware",
    "Mixture",
    "Product",
    "Reported",
    "Stochastic",
    "Stream",
    "Subsampled",
    "TwoStage",
    "WithoutDuplicates",
]
