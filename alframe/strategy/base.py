"""What every query strategy is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from alframe.errors import InvalidInput
from alframe.functional.checks import check_budget
from alframe.types import Floats, Need, Predictions, Selection


class Strategy(ABC):
    """Chooses the samples most worth a label from predictions; never sees a model, an image or a label.

    Attributes:
        needs: the arrays of ``Predictions`` that the strategy reads; the learner computes these and no others.
        uses_labelled: whether it also reads the predictions of the samples that are labelled already.
    """

    needs: ClassVar[frozenset[Need]] = frozenset()
    uses_labelled: ClassVar[bool] = False

    def select(
        self,
        unlabelled: Predictions,
        budget: int,
        *,
        labelled: Predictions | None = None,
        rng: np.random.Generator,
    ) -> Selection:
        """Choose ``budget`` distinct positions into ``unlabelled``.

        Args:
            unlabelled: predictions of the N candidates.
            budget: K, how many to choose.
            labelled: predictions of the M labelled samples, for strategies that use them.
            rng: the only source of randomness.

        Raises:
            PoolExhausted: ``budget`` is larger than the number of candidates.
            InvalidInput: an array that the strategy needs is missing, has another shape or holds NaN.
        """
        check_budget(budget, len(unlabelled))
        for given in (unlabelled, labelled) if self.uses_labelled else (unlabelled,):
            missing = sorted(need for need in self.needs if given is None or getattr(given, need) is None)
            if missing:
                raise InvalidInput(f"{type(self).__name__} needs predictions with {', '.join(missing)}")
        return self._choose(unlabelled, budget, labelled, rng)

    @abstractmethod
    def _choose(
        self, unlabelled: Predictions, budget: int, labelled: Predictions | None, rng: np.random.Generator
    ) -> Selection:
        """Choose, from arguments that have been checked."""


class ScoreStrategy(Strategy):
    """Gives every sample a score and takes the highest; ties go to the lowest position."""

    @abstractmethod
    def score(self, predictions: Predictions) -> Floats:
        """Informativeness of each sample, (N,), higher is more informative."""

    def _choose(
        self,
        unlabelled: Predictions,
        budget: int,
        labelled: Predictions | None,  # noqa: ARG002 (a score looks at one sample at a time)
        rng: np.random.Generator,  # noqa: ARG002
    ) -> Selection:
        scores = self.score(unlabelled)
        positions = np.argsort(-scores, kind="stable")[:budget].astype(np.int64)
        return Selection(positions, scores[positions])
