"""Strategies that ask where the detector errs, as far as its own draws can tell."""

from __future__ import annotations

import numpy as np

from alframe.errors import ConfigurationError
from alframe.functional import unconfirmed
from alframe.functional.checks import check_points
from alframe.functional.detection.aggregation import Aggregation
from alframe.strategy.base import ScoreStrategy, required
from alframe.strategy.detection.base import BoxScorer
from alframe.types import Floats, Predictions


class HardNegatives(BoxScorer):
    """Sure detections that the draws do not confirm: false alarms, if the draws are right.

    Args:
        overlap: IoU from which on a draw's box is in the same place, in (0, 1].
        aggregation: of an image's detections; by ``sum`` the score is how many false alarms to expect.
        top_k: how many of the highest count for ``top``.
        empty: the score of an image without detections.
    """

    needs = frozenset({"boxes", "box_probs", "box_samples", "box_draws"})

    def __init__(
        self, *, overlap: float = 0.5, aggregation: Aggregation = "sum", top_k: int = 3, empty: float = 0.0
    ) -> None:
        super().__init__(aggregation=aggregation, top_k=top_k, empty=empty)
        if not 0 < overlap <= 1:
            raise ConfigurationError(f"overlap must lie in (0, 1], got {overlap}")
        self._overlap = overlap

    def box_scores(self, predictions: Predictions) -> Floats:
        """Score times the share of draws that have it elsewhere, of another class, or not at all, (N, K)."""
        return unconfirmed(
            required(predictions, "boxes"),
            required(predictions, "box_probs"),
            required(predictions, "box_samples"),
            required(predictions, "box_draws"),
            self._overlap,
        )


class ExpectedMisses(ScoreStrategy):
    """Images in which the draws see most that the detector does not (after Roy et al. 2018)."""

    needs = frozenset({"missed"})

    def score(self, predictions: Predictions) -> Floats:
        """Scores of objects that draws see and no detection stands for, (N,)."""
        missed = required(predictions, "missed")
        return check_points(missed[:, np.newaxis], "missed")[:, 0]
