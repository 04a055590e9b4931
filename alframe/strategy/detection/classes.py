"""Strategies that ask for objects of classes that are short of labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alframe.functional import class_complementarity, class_presence, expected_counts, object_counts, rare_classes
from alframe.strategy.base import Scorer, Strategy, required, required_objects
from alframe.types import Floats, Predictions, Selection


class RareClasses(Strategy):
    """Images with most objects to expect of the classes that have fewest, each object worth less than the one before.

    The classes are those of the detections, and of the objects that people drew.
    """

    needs = frozenset({"box_probs"})
    uses_labelled = True

    def _choose(
        self, unlabelled: Predictions, budget: int, labelled: Predictions | None, _rng: np.random.Generator, /
    ) -> Selection:
        expected = expected_counts(required(unlabelled, "box_probs"))
        known = _known_counts(labelled, expected.shape[1])
        return Selection(rare_classes(expected, budget, known.sum(axis=0)))


class ClassComplementarity(Scorer):
    """Images whose classes are least like those of the labelled ones (Yu et al. 2022: the second stage of CALD)."""

    needs = frozenset({"box_probs"})
    uses_labelled = True

    def scores(self, unlabelled: Predictions, labelled: Predictions | None, /) -> Floats:
        """Jensen-Shannon divergence in nats, (N,)."""
        presence = class_presence(required(unlabelled, "box_probs"))
        known = _known_counts(labelled, presence.shape[1])
        return class_complementarity(presence, known.sum(axis=0) / max(len(known), 1))


def _known_counts(labelled: Predictions | None, classes: int) -> NDArray[np.float64]:
    """Objects of each class in each labelled image, (M, C)."""
    if labelled is None:
        return np.zeros((0, classes))
    objects = required_objects(labelled)
    expected_counts(required(labelled, "box_probs"))
    return object_counts(objects, classes)
