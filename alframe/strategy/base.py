"""What every query strategy is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional import REDUCTIONS, highest
from alframe.functional.checks import check_budget
from alframe.types import Floats, Labels, Need, Predictions, Selection


class Strategy(ABC):
    """Chooses the samples most worth a label from predictions; sees no image, and of a network its head at most.

    Attributes:
        needs: the arrays of ``Predictions`` that the strategy reads; the learner computes no others.
        uses_labelled: whether it also reads the predictions, and the labels, of the samples that are labelled already.
        may_choose_fewer: whether a batch may be smaller than the budget; such a strategy is no part of another.
    """

    needs: frozenset[Need] = frozenset()
    uses_labelled: bool = False
    may_choose_fewer: bool = False

    def select(
        self,
        unlabelled: Predictions,
        budget: int,
        *,
        labelled: Predictions | None = None,
        rng: np.random.Generator,
    ) -> Selection:
        """Choose ``budget`` distinct positions into ``unlabelled``, or at least one if it ``may_choose_fewer``.

        Args:
            unlabelled: predictions of the N candidates.
            budget: K, how many to choose.
            labelled: predictions of the M labelled samples, for strategies that use them; ``None`` where
                nothing is labelled yet.
            rng: the only source of randomness.

        Raises:
            PoolExhausted: ``budget`` is larger than the number of candidates.
            InvalidInput: an array that the strategy needs is missing, has another shape or holds NaN.
        """
        check_budget(budget, len(unlabelled))
        return self._choose(unlabelled, budget, labelled if self.uses_labelled else None, rng)

    @abstractmethod
    def _choose(
        self, unlabelled: Predictions, budget: int, labelled: Predictions | None, rng: np.random.Generator, /
    ) -> Selection:
        """Choose, within a budget that has been checked; an unread argument gets a leading underscore."""


class Scorer(Strategy):
    """Gives every sample a score and takes the highest; ties go to the lowest position."""

    @abstractmethod
    def scores(self, unlabelled: Predictions, labelled: Predictions | None, /) -> Floats:
        """Informativeness of each unlabelled sample, (N,), higher is more informative."""

    def _choose(
        self, unlabelled: Predictions, budget: int, labelled: Predictions | None, _rng: np.random.Generator, /
    ) -> Selection:
        scores = self.scores(unlabelled, labelled)
        positions = highest(scores, budget)
        return Selection(positions, scores[positions])


class ScoreStrategy(Scorer):
    """A score of each sample by itself, whatever is labelled: most strategies, and the simplest to write."""

    @abstractmethod
    def score(self, predictions: Predictions) -> Floats:
        """Informativeness of each sample, (N,), higher is more informative."""

    def scores(self, unlabelled: Predictions, _labelled: Predictions | None, /) -> Floats:
        """``score`` of the unlabelled."""
        return self.score(unlabelled)


def required(predictions: Predictions, need: Need) -> NDArray[Any]:
    """The array ``need`` of ``predictions``: one row per sample, except for ``head``.

    A reduction of draws that the learner did not make is made here, where there are ``samples``.

    Raises:
        InvalidInput: it was not computed, or has another number of rows.
    """
    array: NDArray[Any] | None = getattr(predictions, need)
    if array is None and need in REDUCTIONS and predictions.samples is not None:
        array = REDUCTIONS[need](required(predictions, "samples"))
    if array is None:
        raise InvalidInput(
            f"the strategy reads {need}, which were not predicted; "
            "list them in its needs and have the learner predict them"
        )
    if need != "head" and len(array) != len(predictions):
        raise InvalidInput(f"{need} has {len(array)} rows for {len(predictions)} sample ids; give one row per id")
    return array


def required_labels(labelled: Predictions) -> NDArray[np.int64]:
    """The labels of the labelled samples, (M,).

    Raises:
        InvalidInput: they were not given.
    """
    if labelled.labels is None or len(labelled.labels) != len(labelled):
        raise InvalidInput("the labelled samples have no labels; give one class index each in Predictions.labels")
    return labelled.labels


def required_objects(labelled: Predictions) -> Labels:
    """The objects that people drew in the labelled images, (M,) ``Objects``.

    Raises:
        InvalidInput: they were not given.
    """
    if labelled.objects is None or len(labelled.objects) != len(labelled):
        raise InvalidInput("the labelled images have no objects; give Objects for each in Predictions.objects")
    return labelled.objects
