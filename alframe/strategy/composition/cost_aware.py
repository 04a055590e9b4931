"""What a label is worth for its price."""

from __future__ import annotations

import numpy as np

from alframe.errors import ConfigurationError
from alframe.functional import affordable, highest, score_per_cost
from alframe.strategy.base import Scorer
from alframe.strategy.composition.base import Composition, scores_of, scoring
from alframe.types import Floats, Predictions, Selection


class CostAware(Composition, Scorer):
    """The highest score for what the label costs (Haertel et al. 2008; Settles, Craven & Friedland 2008).

    Args:
        scorer: gives scores that are not negative.
        cost_budget: what one batch may cost, in the unit of the samples' costs; the batch then holds what can be paid
            for, which may be fewer samples than were asked for, so that no other strategy can be put around this one.
            ``None`` for no limit but the number of samples.
        exponent: of the cost that the score is divided by; 0 leaves it out, and larger ones prefer cheap labels more.
    """

    def __init__(self, *, scorer: Scorer, cost_budget: float | None = None, exponent: float = 1.0) -> None:
        super().__init__(scorer)
        if cost_budget is not None and not 0 < cost_budget < np.inf:
            raise ConfigurationError(f"cost_budget must be null, or positive and finite, got {cost_budget}")
        if not 0 <= exponent < np.inf:
            raise ConfigurationError(f"exponent must be finite and not negative, got {exponent}")
        self._scorer, self._cost_budget, self._exponent = scoring(scorer), cost_budget, exponent
        self.may_choose_fewer = cost_budget is not None

    def scores(self, unlabelled: Predictions, labelled: Predictions | None, /) -> Floats:
        """Score per unit of cost, (N,)."""
        return score_per_cost(scores_of(self._scorer, unlabelled, labelled), self.costs(unlabelled), self._exponent)

    def costs(self, predictions: Predictions) -> Floats:
        """What labelling each sample costs, (N,)."""
        return np.ones(len(predictions)) if predictions.costs is None else predictions.costs

    def _choose(
        self, unlabelled: Predictions, budget: int, labelled: Predictions | None, rng: np.random.Generator, /
    ) -> Selection:
        if self._cost_budget is None:
            return super()._choose(unlabelled, budget, labelled, rng)
        scores = self.scores(unlabelled, labelled)
        order = highest(scores, len(scores))
        positions = order[affordable(self.costs(unlabelled)[order], self._cost_budget, budget)]
        return Selection(positions, scores[positions])
