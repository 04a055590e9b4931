"""Strategies that ask for samples both uncertain and unlike each other, or unlike what is known around them."""

from __future__ import annotations

from alframe.strategy.hybrid.clusters import AlfaMix, Clue, ClusterMargin
from alframe.strategy.hybrid.contrast import Cal, Cdal, Discriminative, Drifted, Falcun
from alframe.strategy.hybrid.gradients import Badge, Bait
from alframe.strategy.hybrid.weighted import UncertaintyHerding, WeightedKMeans

__all__ = [
    "AlfaMix",
    "Badge",
    "Bait",
    "Cal",
    "Cdal",
    "Clue",
    "ClusterMargin",
    "Discriminative",
    "Drifted",
    "Falcun",
    "UncertaintyHerding",
    "WeightedKMeans",
]
