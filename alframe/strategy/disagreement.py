"""Strategies that ask for what the draws of a posterior, or the members of a committee, disagree on."""

from __future__ import annotations

from alframe.functional import bald, variation_ratio, vote_entropy
from alframe.strategy.base import ScoreStrategy, required
from alframe.types import Floats, Predictions


class VariationRatio(ScoreStrategy):
    """The samples whose favourite class gets the smallest share of the draws' votes (Freeman 1965)."""

    needs = frozenset({"samples"})

    def score(self, predictions: Predictions) -> Floats:
        """Share of the draws that vote for another class, (N,)."""
        return variation_ratio(required(predictions, "samples"))


class Bald(ScoreStrategy):
    """The samples whose label tells most about the model (Houlsby et al. 2011; Gal et al. 2017)."""

    needs = frozenset({"samples"})

    def score(self, predictions: Predictions) -> Floats:
        """Mutual information of label and model in nats, (N,)."""
        return bald(required(predictions, "samples"))


class VoteEntropy(ScoreStrategy):
    """The samples on which a committee's votes are most divided (Dagan & Engelson 1995)."""

    needs = frozenset({"samples"})

    def score(self, predictions: Predictions) -> Floats:
        """Entropy of the votes in nats, (N,)."""
        return vote_entropy(required(predictions, "samples"))
