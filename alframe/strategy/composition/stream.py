"""A pool as if its samples came one by one."""

from __future__ import annotations

import numpy as np

from alframe.errors import ConfigurationError
from alframe.functional import choose_from_stream
from alframe.strategy.base import Scorer
from alframe.strategy.composition.base import Composition, scores_of, scoring
from alframe.types import Predictions, Selection


class Stream(Composition):
    """Sees the pool one sample at a time, in random order, and decides at once (Zliobaite et al. 2013).

    For data that really come one by one, ``functional.stream.StreamBudget`` makes the same decisions.

    Args:
        scorer: gives scores that are not negative.
        share: the part of the stream that may be asked for, in (0, 1]; ``None`` for what one pass over the pool needs.
        window: over how many samples spending is estimated; ``None`` for ten labels' worth.
        step: the part by which the threshold follows the scores, in (0, 1).
        spread: standard deviation of the random factor on the threshold; 0 for none.
    """

    def __init__(
        self,
        *,
        scorer: Scorer,
        share: float | None = None,
        window: int | None = None,
        step: float = 0.01,
        spread: float = 1.0,
    ) -> None:
        super().__init__(scorer)
        for name, value, right in (
            ("share", share, share is None or 0 < share <= 1),
            ("window", window, window is None or window >= 1),
            ("step", step, 0 < step < 1),
            ("spread", spread, 0 <= spread < np.inf),
        ):
            if not right:
                raise ConfigurationError(f"{name}={value} makes no stream: see configs/strategy/stream.yaml")
        self._scorer, self._share, self._window = scoring(scorer), share, window
        self._step, self._spread = step, spread

    def _choose(
        self, unlabelled: Predictions, budget: int, labelled: Predictions | None, rng: np.random.Generator, /
    ) -> Selection:
        positions = choose_from_stream(
            scores_of(self._scorer, unlabelled, labelled),
            budget,
            share=self._share,
            window=self._window,
            step=self._step,
            spread=self._spread,
            rng=rng,
        )
        return Selection(positions)
