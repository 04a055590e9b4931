"""Strategies that ask for what the draws of a posterior, or the members of a committee, disagree on."""

from __future__ import annotations

from alframe.functional import bald, consensus_kl, mean_std, predictive_entropy, variation_ratio, vote_entropy
from alframe.strategy.base import ScoreStrategy, required
from alframe.types import Floats, Predictions


class PredictiveEntropy(ScoreStrategy):
    """The samples of most uncertainty in all, the draws' own and their disagreement (Gal 2016)."""

    needs = frozenset({"samples"})

    def score(self, predictions: Predictions) -> Floats:
        """Entropy of the mean over draws in nats, (N,)."""
        return predictive_entropy(required(predictions, "samples"))


class MeanStd(ScoreStrategy):
    """The samples whose probabilities vary most from draw to draw (Kampffmeyer et al. 2016)."""

    needs = frozenset({"samples"})

    def score(self, predictions: Predictions) -> Floats:
        """Standard deviation over the draws, averaged over classes, (N,)."""
        return mean_std(required(predictions, "samples"))


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


class ConsensusKl(ScoreStrategy):
    """The samples on which a committee's members are farthest from their consensus (McCallum & Nigam 1998).

    The committee's name for what ``Bald`` measures: both choose the same.
    """

    needs = frozenset({"samples"})

    def score(self, predictions: Predictions) -> Floats:
        """Mean Kullback-Leibler divergence from the mean in nats, (N,)."""
        return consensus_kl(required(predictions, "samples"))
