"""Samples both unsure and unlike each other, or unlike what is known where the model is unsure."""

from __future__ import annotations

from alframe.functional.hybrid.alfa_mix import alfa_mix, class_means
from alframe.functional.hybrid.badge import badge, badge_factorised
from alframe.functional.hybrid.bait import bait
from alframe.functional.hybrid.cdal import cdal
from alframe.functional.hybrid.clue import clue
from alframe.functional.hybrid.cluster_margin import cluster_margin
from alframe.functional.hybrid.contrastive import contrastive
from alframe.functional.hybrid.falcun import falcun

__all__ = [
    "alfa_mix",
    "badge",
    "badge_factorised",
    "bait",
    "cdal",
    "class_means",
    "clue",
    "cluster_margin",
    "contrastive",
    "falcun",
]
