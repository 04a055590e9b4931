"""What people, checks and monitors reported comes first."""

from __future__ import annotations

from alframe.functional import break_ties
from alframe.strategy.base import Scorer
from alframe.strategy.composition.base import Composition, scores_of, scoring
from alframe.types import Floats, Predictions


class Reported(Composition, Scorer):
    """The samples with the most evidence against the model; among equals, and where there is none, another score.

    Args:
        inner: scores what evidence does not tell apart.
    """

    def __init__(self, *, inner: Scorer) -> None:
        super().__init__(inner)
        self._inner = scoring(inner)

    def scores(self, unlabelled: Predictions, labelled: Predictions | None, /) -> Floats:
        """Weight of the evidence, (N,), and less than the smallest difference of weights for the other score."""
        return break_ties(unlabelled.weights, scores_of(self._inner, unlabelled, labelled))
