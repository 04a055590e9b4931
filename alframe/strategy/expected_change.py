"""A strategy that asks for the labels that would change the model most."""

from __future__ import annotations

from alframe.functional import expected_gradient_length
from alframe.strategy.base import ScoreStrategy, required
from alframe.types import Floats, Predictions


class ExpectedGradientLength(ScoreStrategy):
    """The longest gradient of the last layer, on average over the labels (Settles & Craven 2008; Huang et al. 2016)."""

    needs = frozenset({"probs", "embeddings"})

    def score(self, predictions: Predictions) -> Floats:
        """Expected length of the gradient, (N,)."""
        return expected_gradient_length(required(predictions, "probs"), required(predictions, "embeddings"))
