"""Rules that stop when the pool holds little that is worth a label."""

from __future__ import annotations

import math

from alframe.errors import ConfigurationError
from alframe.stopping.base import StoppingRule
from alframe.types import Progress


class OverallUncertainty(StoppingRule):
    """Stops when the learner is sure of the pool as a whole.

    Source: Zhu, Wang & Hovy, "Multi-criteria-based strategy to stop active learning for data annotation", COLING 2008.

    Args:
        threshold: the mean entropy (nats) of the pool's predictions that is low enough.
    """

    needs = frozenset({"probs"})

    def __init__(self, *, threshold: float = 0.01) -> None:
        if not 0 <= threshold < math.inf:
            raise ConfigurationError(f"threshold must be finite and not negative, got {threshold}")
        self._threshold = threshold

    def reason(self, progress: Progress) -> str | None:
        """Whether the latest learner is sure enough."""
        if not progress.views:
            return None
        mean = float(progress.views[-1].entropy.mean())
        if mean > self._threshold:
            return None
        return f"little is left to be unsure of: the pool's mean entropy is {mean:.4g} nats"


class MinimumExpectedGain(StoppingRule):
    """Stops when not even the best sample of a query promises enough, before anybody is asked for it.

    The unit is that of the strategy's score. A strategy without scores never stops, nor does the first set,
    which is chosen before there is a learner.

    Source: Zhu & Hovy, "Active learning for word sense disambiguation with methods for addressing the class imbalance
    problem", EMNLP 2007, with the entropy of the sample chosen first.

    Args:
        gain: the least highest score to go on for.
    """

    def __init__(self, *, gain: float = 0.01) -> None:
        if not math.isfinite(gain):
            raise ConfigurationError(f"gain must be finite, got {gain}")
        self._gain = gain

    def reason(self, progress: Progress) -> str | None:
        """Whether the highest score is too low."""
        if not progress.curve or progress.gain is None or progress.gain >= self._gain:
            return None
        return f"no sample promises enough: the highest score is {progress.gain:.4g}, below {self._gain:g}"
