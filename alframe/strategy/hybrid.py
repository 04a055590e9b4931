"""Strategies that ask for samples both uncertain and unlike each other."""

from __future__ import annotations

import numpy as np

from alframe.functional import badge
from alframe.strategy.base import Strategy, required
from alframe.types import Predictions, Selection


class Badge(Strategy):
    """Large and diverse gradients of the last layer (Ash et al. 2020)."""

    needs = frozenset({"probs", "embeddings"})

    def _choose(
        self, unlabelled: Predictions, budget: int, _labelled: Predictions | None, rng: np.random.Generator, /
    ) -> Selection:
        probs, embeddings = required(unlabelled, "probs"), required(unlabelled, "embeddings")
        return Selection(badge(probs, embeddings, budget, rng=rng))
