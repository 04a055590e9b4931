"""Strategies that ask where the model errs: by its own forecast, by its wavering, or by what people corrected."""

from __future__ import annotations

import numpy as np

from alframe.errors import ConfigurationError, InvalidInput
from alframe.functional import error_rate_nearby, forgetting, last_predicted, least_confidence, pseudo_loss
from alframe.strategy.base import Scorer, ScoreStrategy, required, required_labels
from alframe.types import UNLABELLED, Floats, Predictions


class LearningLoss(ScoreStrategy):
    """The highest loss that the learner predicts to have (Yoo & Kweon 2019)."""

    needs = frozenset({"predicted_loss"})

    def score(self, predictions: Predictions) -> Floats:
        """Predicted loss, (N,); only its order means something."""
        losses: Floats = required(predictions, "predicted_loss")
        if not np.isfinite(losses).all():
            raise InvalidInput("predicted_loss has NaN or infinite values: did training diverge?")
        return losses


class Forgetting(ScoreStrategy):
    """Most changes of the predicted class from round to round (after Toneva et al. 2019)."""

    needs = frozenset({"probs", "history"})

    def score(self, predictions: Predictions) -> Floats:
        """Number of changes plus 1 - confidence, (N,)."""
        return forgetting(required(predictions, "probs"), required(predictions, "history"))


class PseudoLoss(ScoreStrategy):
    """Highest loss for the class that the learner of the round before predicted (after Huang et al. 2021)."""

    needs = frozenset({"probs", "history"})

    def score(self, predictions: Predictions) -> Floats:
        """Cross-entropy (nats), (N,)."""
        return pseudo_loss(required(predictions, "probs"), required(predictions, "history"))


class Corrections(Scorer):
    """Near labelled samples whose answer was not what the model had predicted: hard-example mining from feedback.

    Samples that came with evidence against the model count as what it says, though nobody has labelled them yet.

    Args:
        neighbors: how many labelled samples around a candidate count.
    """

    needs = frozenset({"probs", "embeddings", "history"})
    uses_labelled = True

    def __init__(self, *, neighbors: int = 10) -> None:
        if neighbors < 1:
            raise ConfigurationError(f"neighbors must be at least 1, got {neighbors}")
        self._neighbors = neighbors

    def scores(self, unlabelled: Predictions, labelled: Predictions | None, /) -> Floats:
        """Rate of corrections nearby plus 1 - confidence, in [0, 2], plus weight of evidence, (N,).

        Without feedback that is least confidence.
        """
        doubt = least_confidence(required(unlabelled, "probs")) + unlabelled.weights
        points = required(unlabelled, "embeddings")
        required(unlabelled, "history")
        if labelled is None:
            return doubt
        predicted = last_predicted(required(labelled, "history"))
        # The first set was labelled before there was a learner to correct.
        asked = predicted != UNLABELLED
        wrong = (predicted != required_labels(labelled))[asked]
        return doubt + error_rate_nearby(points, required(labelled, "embeddings")[asked], wrong, self._neighbors)
