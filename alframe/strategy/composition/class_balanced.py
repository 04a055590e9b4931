"""As many labels of each class, as far as the learner can tell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from alframe.errors import ConfigurationError, InvalidInput
from alframe.functional import balanced_classes
from alframe.functional.checks import check_probs
from alframe.strategy.base import Strategy, required, required_labels
from alframe.strategy.composition.base import Composition, choose_among
from alframe.types import Predictions, Selection


class ClassBalanced(Composition):
    """Shares the batch out over predicted classes, so that labels come as near as they can to a target distribution.

    Classes that are short of labels get more; inside a class another strategy chooses. What a class has too few
    candidates for goes where it is missed most (after Bengar et al. 2022).

    Args:
        inner: chooses among the samples of one predicted class.
        target: what the numbers of labels should be proportional to, one per class; ``None`` for as many of each.
    """

    needs = frozenset({"probs"})
    uses_labelled = True

    def __init__(self, *, inner: Strategy, target: Sequence[float] | None = None) -> None:
        super().__init__(inner)
        if target is not None and not (min(target, default=0) >= 0 and 0 < sum(target) < np.inf):
            raise ConfigurationError(f"target must be shares of which some are positive, got {list(target)}")
        self._inner, self._target = inner, target

    def _choose(
        self, unlabelled: Predictions, budget: int, labelled: Predictions | None, rng: np.random.Generator, /
    ) -> Selection:
        probs = check_probs(required(unlabelled, "probs"))
        classes, number = probs.argmax(axis=1), probs.shape[1]
        if self._target is not None and len(self._target) != number:
            raise ConfigurationError(
                f"target has {len(self._target)} shares and the learner knows {number} classes; give one each"
            )
        counts = np.zeros(number, dtype=np.int64) if labelled is None else _label_counts(labelled, number)
        turns = balanced_classes(counts, np.bincount(classes, minlength=number), budget, self._target)
        positions = np.empty(budget, dtype=np.int64)
        for wanted in np.unique(turns):
            places, candidates = np.flatnonzero(turns == wanted), np.flatnonzero(classes == wanted)
            positions[places] = choose_among(self._inner, unlabelled, candidates, len(places), labelled, rng).positions
        return Selection(positions)


def _label_counts(labelled: Predictions, number: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    check_probs(required(labelled, "probs"))  # from the learner whose classes count here: nothing else is read of them
    labels = required_labels(labelled)
    if len(labels) and not 0 <= labels.min() <= labels.max() < number:
        raise InvalidInput(f"labels run from {labels.min()} to {labels.max()}, and the learner knows {number} classes")
    return np.bincount(labels, minlength=number)
