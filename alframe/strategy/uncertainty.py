"""Strategies that ask for what one model is unsure of."""

from __future__ import annotations

from alframe.functional import entropy, least_confidence, margin
from alframe.strategy.base import ScoreStrategy, required
from alframe.types import Floats, Predictions


class LeastConfidence(ScoreStrategy):
    """The samples whose most probable class is least probable (Lewis & Gale 1994)."""

    needs = frozenset({"probs"})

    def score(self, predictions: Predictions) -> Floats:
        """One minus the highest probability, (N,)."""
        return least_confidence(required(predictions, "probs"))


class Margin(ScoreStrategy):
    """The samples whose two most probable classes are nearly as probable (Scheffer et al. 2001)."""

    needs = frozenset({"probs"})

    def score(self, predictions: Predictions) -> Floats:
        """One minus the lead of the first class over the second, (N,)."""
        return margin(required(predictions, "probs"))


class Entropy(ScoreStrategy):
    """The samples whose class distribution has the most entropy (Shannon 1948)."""

    needs = frozenset({"probs"})

    def score(self, predictions: Predictions) -> Floats:
        """Entropy in nats, (N,)."""
        return entropy(required(predictions, "probs"))
