"""Labels for samples that come one by one: ask now or never, within a budget, while the stream drifts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional.checks import check_budget

LABELS_IN_WINDOW = 10
"""For how many labels a window is long enough where nobody says: 100 samples at a share of a tenth, as published."""


@dataclass(frozen=True)
class StreamBudget:
    """When to ask for labels of a stream: a threshold that follows the budget, with some chance (RandVarUncertainty).

    A sample is asked for when the model's certainty lies below the threshold, which then falls by a step; where it is
    not, the threshold rises by one. A random factor on it lets every region be asked sometimes, so that a change is
    noticed where the model is sure of itself. Nothing is asked while the estimate of what the last ``window`` samples
    cost exceeds ``share``: in the long run, at most ``share + 1 / window`` of all samples are.

    Attributes:
        share: the part of the samples that may be asked for, in (0, 1].
        window: over how many samples spending is estimated.
        step: the part by which the threshold moves, in (0, 1).
        spread: standard deviation of the random factor, whose mean is 1; 0 for none.
        threshold: asks for samples with less certainty.
        spent: labels in the window, older ones counting less and less.

    Source: Zliobaite et al., "Active learning with drifting streaming data", IEEE TNNLS 2014 (online 2013).
    """

    share: float = 0.1
    window: int = 100
    step: float = 0.01
    spread: float = 1.0
    threshold: float = 1.0
    spent: float = 0.0

    def __post_init__(self) -> None:
        """Refuse numbers with which it would never ask, or always."""
        if not (0 < self.share <= 1 and self.window >= 1 and 0 < self.step < 1 and self.spread >= 0):
            raise InvalidInput(
                "a stream's budget needs a share in (0, 1], a window of at least 1, a step in (0, 1) and a spread of "
                f"at least 0, got share={self.share}, window={self.window}, step={self.step}, spread={self.spread}"
            )

    def decide(self, certainty: float, *, rng: np.random.Generator) -> tuple[bool, StreamBudget]:
        """Whether to ask for a sample of this certainty (the highest probability), and the budget afterwards.

        >>> asked, budget = StreamBudget(spread=0.0).decide(0.6, rng=np.random.default_rng(0))
        >>> asked, budget.threshold, budget.spent
        (True, 0.99, 1.0)
        """
        kept = self.spent * (1 - 1 / self.window)
        if self.spent / self.window >= self.share:
            return False, replace(self, spent=kept)
        asked = certainty < self.threshold * rng.normal(1, self.spread)
        threshold = self.threshold * (1 - self.step if asked else 1 + self.step)
        return asked, replace(self, threshold=threshold, spent=kept + asked)


def choose_from_stream(
    scores: NDArray[Any],
    budget: int,
    *,
    share: float | None = None,
    window: int | None = None,
    step: float = 0.01,
    spread: float = 1.0,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Ask for K samples of a stream in random order, (N,) -> positions (K,), all distinct, in the order asked.

    A sample's certainty is one minus its score over the highest score so far. What was not asked for comes by again
    where the stream ends too soon.

    Args:
        scores: (N,) scores that are not negative, higher is more informative.
        budget: K.
        share: the part of the stream that may be asked for; ``None`` for K / N, which one pass just spends.
        window: over how many samples spending is estimated; ``None`` for ten labels' worth, 10 / share.
        step: the part by which the threshold moves.
        spread: standard deviation of the random factor on the threshold.
        rng: gives the order and the factors.

    Raises:
        InvalidInput: scores that are not (N,), negative or NaN; a budget under one; a share, window, step or spread
            that makes no budget.
        PoolExhausted: a budget larger than N.

    Source: Zliobaite et al., "Active learning with drifting streaming data", IEEE TNNLS 2014 (online 2013).

    Example:
        >>> scores, rng = np.array([0.5, 0.0, 0.5]), np.random.default_rng(0)
        >>> sorted(choose_from_stream(scores, 2, spread=0.0, rng=rng).tolist())
        [0, 2]
    """
    scores = np.asarray(scores, dtype=np.float64)
    if scores.ndim != 1 or not np.isfinite(scores).all() or scores.min(initial=0) < 0:
        raise InvalidInput("a stream needs scores (N,) that are finite and not negative; choose another scorer")
    budget = check_budget(budget, available=len(scores))
    share = budget / len(scores) if share is None else share
    manager = StreamBudget(share=share, step=step, spread=spread)
    manager = replace(manager, window=round(LABELS_IN_WINDOW / share) if window is None else window)

    coming = rng.permutation(len(scores))
    highest = np.maximum.accumulate(scores[coming])
    certainty = np.empty(len(scores))
    certainty[coming] = 1 - np.divide(scores[coming], highest, out=np.zeros(len(scores)), where=highest > 0)
    positions: list[int] = []
    while True:
        passed: list[int] = []
        for position in coming.tolist():
            asked, manager = manager.decide(certainty[position], rng=rng)
            (positions if asked else passed).append(position)
            if len(positions) == budget:
                return np.array(positions, dtype=np.int64)
        coming = np.array(passed, dtype=np.int64)
