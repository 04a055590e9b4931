"""A batch drawn by score, rather than the top of it."""

from __future__ import annotations

import numpy as np

from alframe.errors import ConfigurationError
from alframe.functional import stochastic_batch
from alframe.functional.committee.stochastic import Noise
from alframe.strategy.base import Scorer
from alframe.strategy.composition.base import Composition, scores_of, scoring
from alframe.types import Predictions, Selection


class Stochastic(Composition):
    """Drawn by score, not the top of it, so that near-copies of the top are not all taken (Kirsch et al. 2023).

    Args:
        scorer: gives each sample a score, not negative where the noise is ``power``.
        noise: what weighs: the score (``power``), its exponential (``softmax``), or one over its ``rank``.
        temperature: weights are raised to one over it: small for the top of the scores, large for a random batch.
    """

    def __init__(self, *, scorer: Scorer, noise: Noise = "power", temperature: float = 1.0) -> None:
        super().__init__(scorer)
        if not 0 < temperature < np.inf:
            raise ConfigurationError(f"temperature must be positive and finite, got {temperature}")
        self._scorer, self._noise, self._temperature = scoring(scorer), noise, temperature

    def _choose(
        self, unlabelled: Predictions, budget: int, labelled: Predictions | None, rng: np.random.Generator, /
    ) -> Selection:
        scores = scores_of(self._scorer, unlabelled, labelled)
        return Selection(stochastic_batch(scores, budget, noise=self._noise, temperature=self._temperature, rng=rng))
