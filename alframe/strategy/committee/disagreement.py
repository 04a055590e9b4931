"""Strategies that ask for what the draws of a posterior, or the members of a committee, disagree on."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from alframe.functional.checks import check_points
from alframe.strategy.base import ScoreStrategy, required
from alframe.types import Floats, Need, Predictions


class Disagreement(ScoreStrategy):
    """A number for each sample, made of its own draws alone: the learner makes it while the draws pass by.

    Attributes:
        reduction: the function of ``alframe.functional`` that makes it.
    """

    reduction: ClassVar[Need]

    def __init_subclass__(cls) -> None:
        """Need what is reduced."""
        cls.needs = frozenset({cls.reduction})

    def score(self, predictions: Predictions) -> Floats:
        """The reduction of each sample's draws, (N,)."""
        reduced = required(predictions, self.reduction)
        return check_points(reduced[:, np.newaxis], self.reduction)[:, 0]


class PredictiveEntropy(Disagreement):
    """The samples of most uncertainty in all, the draws' own and their disagreement (Gal 2016)."""

    reduction = "predictive_entropy"


class MeanStd(Disagreement):
    """The samples whose probabilities vary most from draw to draw (Kampffmeyer et al. 2016)."""

    reduction = "mean_std"


class VariationRatio(Disagreement):
    """The samples whose favourite class gets the smallest share of the draws' votes (Freeman 1965)."""

    reduction = "variation_ratio"


class Bald(Disagreement):
    """The samples whose label tells most about the model (Houlsby et al. 2011; Gal et al. 2017)."""

    reduction = "bald"


class VoteEntropy(Disagreement):
    """The samples on which a committee's votes are most divided (Dagan & Engelson 1995)."""

    reduction = "vote_entropy"


class ConsensusKl(Disagreement):
    """The samples on which a committee's members are farthest from their consensus (McCallum & Nigam 1998).

    The committee's name for what ``Bald`` measures: both choose the same.
    """

    reduction = "consensus_kl"
