"""Rules that stop when consecutive learners say the same of the pool."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import cohen_kappa_score

from alframe.errors import ConfigurationError
from alframe.stopping.base import StoppingRule
from alframe.types import PoolView, Progress

Classes = NDArray[np.int64]


class StabilisingPredictions(StoppingRule):
    """Stops when consecutive learners agree, beyond chance, on the samples that both saw.

    Source: Bloodgood & Vijay-Shanker, "A method for stopping active learning based on stabilizing predictions and the
    need for user-adjustable stopping", CoNLL 2009, who take the samples from a separate stop set.

    Args:
        kappa: the least mean of Cohen's kappa, in (0, 1]; lower stops earlier.
        window: over so many pairs of consecutive learners.
    """

    needs = frozenset({"probs"})

    def __init__(self, *, kappa: float = 0.99, window: int = 3) -> None:
        if not 0 < kappa <= 1:
            raise ConfigurationError(f"kappa must lie in (0, 1], got {kappa}")
        self._kappa, self._window = kappa, _checked_window(window)

    def reason(self, progress: Progress) -> str | None:
        """Whether the mean agreement is high enough."""
        pairs = _consecutive(progress.views, self._window)
        mean = sum(_kappa(*pair) for pair in pairs) / self._window
        if len(pairs) < self._window or mean < self._kappa:
            return None
        return f"predictions have stabilised: mean kappa {mean:.4f} over the last {self._window} pairs of learners"


class ClassificationChange(StoppingRule):
    """Stops when hardly any sample of the pool changes its predicted class from learner to learner.

    Source: Zhu, Wang & Hovy, "Learning a stopping criterion for active learning for word sense disambiguation and text
    classification", IJCNLP 2008, who wait until none changes; networks that are trained anew always move some.

    Args:
        share: of the samples that both saw, at most so many change, in [0, 1).
        window: in each of so many pairs of consecutive learners.
    """

    needs = frozenset({"probs"})

    def __init__(self, *, share: float = 0.01, window: int = 2) -> None:
        if not 0 <= share < 1:
            raise ConfigurationError(f"share must lie in [0, 1), got {share}")
        self._share, self._window = share, _checked_window(window)

    def reason(self, progress: Progress) -> str | None:
        """Whether few enough changed."""
        changed = [_changed(*pair) for pair in _consecutive(progress.views, self._window)]
        if len(changed) < self._window or max(changed) > self._share:
            return None
        return f"predicted classes hardly change: {max(changed):.2%} at most, over {self._window} pairs of learners"


def _consecutive(views: tuple[PoolView, ...], window: int) -> list[tuple[Classes, Classes]]:
    """The classes by both learners of each of the last ``window`` pairs, on the samples that both saw."""
    pairs = []
    for earlier, later in pairwise(views[-window - 1 :]):
        _, here, there = np.intersect1d(earlier.ids, later.ids, assume_unique=True, return_indices=True)
        pairs.append((earlier.classes[here], later.classes[there]))
    return pairs


def _kappa(first: Classes, second: Classes) -> float:
    # Agreement on one class only is no more than chance, though kappa is then 0 / 0: such learners have learnt nothing.
    if len(np.union1d(first, second)) < 2:
        return 0.0
    return float(cohen_kappa_score(first, second))


def _changed(first: Classes, second: Classes) -> float:
    return float((first != second).mean()) if len(first) else 0.0


def _checked_window(window: int) -> int:
    if window < 1:
        raise ConfigurationError(f"window must be at least 1, got {window}")
    return window
