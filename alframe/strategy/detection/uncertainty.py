"""Strategies that ask for detections whose class one detector, or the draws of its posterior, are unsure of."""

from __future__ import annotations

from alframe.functional import box_bald, box_entropy, box_least_confidence, box_margin
from alframe.strategy.base import required
from alframe.strategy.detection.base import BoxScorer
from alframe.types import Floats, Predictions


class BoxLeastConfidence(BoxScorer):
    """Detections whose most probable class, or background, is least probable (Brust et al. 2019)."""

    needs = frozenset({"box_probs"})

    def box_scores(self, predictions: Predictions) -> Floats:
        """One minus the highest probability, (N, K)."""
        return box_least_confidence(required(predictions, "box_probs"))


class BoxMargin(BoxScorer):
    """Detections whose two most probable classes are nearly as probable (Brust et al. 2019)."""

    needs = frozenset({"box_probs"})

    def box_scores(self, predictions: Predictions) -> Floats:
        """One minus the lead of the first class over the second, (N, K)."""
        return box_margin(required(predictions, "box_probs"))


class BoxEntropy(BoxScorer):
    """Detections whose class distribution has the most entropy (Roy et al. 2018)."""

    needs = frozenset({"box_probs"})

    def box_scores(self, predictions: Predictions) -> Floats:
        """Entropy in nats, (N, K)."""
        return box_entropy(required(predictions, "box_probs"))


class BoxBald(BoxScorer):
    """Detections whose class tells most about the model (Haussmann et al. 2020)."""

    needs = frozenset({"box_samples"})

    def box_scores(self, predictions: Predictions) -> Floats:
        """Mutual information in nats, (N, K)."""
        return box_bald(required(predictions, "box_samples"))
