"""Strategies that cover the pool where it is uncertain: coverage in which uncertain samples count for more."""

from __future__ import annotations

import numpy as np

from alframe.errors import ConfigurationError
from alframe.functional import highest, k_means, margin, max_herding, separation, unit_length
from alframe.strategy.base import Strategy, required
from alframe.types import Predictions, Selection

TRACE = 1e-6
"""The weight of a sample that the learner is certain of: it is chosen where no other is left."""


class UncertaintyHerding(Strategy):
    """Covers the uncertain part of the pool, in ever smaller steps as labels come in (Bae et al. 2025).

    Uncertainty is the margin of the probabilities, so it pays to calibrate them.

    Args:
        bandwidth: how far a label reaches, between embeddings of unit length; ``None`` for the smallest distance
            between two labelled samples, or 1 where there are no two.
    """

    needs = frozenset({"probs", "embeddings"})
    uses_labelled = True

    def __init__(self, *, bandwidth: float | None = None) -> None:
        if bandwidth is not None and not 0 < bandwidth < np.inf:
            raise ConfigurationError(f"bandwidth must be null, or positive and finite, got {bandwidth}")
        self._bandwidth = bandwidth

    def _choose(
        self, unlabelled: Predictions, budget: int, labelled: Predictions | None, _rng: np.random.Generator, /
    ) -> Selection:
        directions, weights = unit_length(required(unlabelled, "embeddings")), margin(required(unlabelled, "probs"))
        known = directions[:0] if labelled is None else unit_length(required(labelled, "embeddings"))
        bandwidth = self._bandwidth or separation(known)
        return Selection(
            max_herding(directions, budget, known, weights=weights, bandwidth=bandwidth if bandwidth < np.inf else 1.0)
        )


class WeightedKMeans(Strategy):
    """The sample nearest to the centroid of each cluster, where uncertain samples weigh more (Zhdanov 2019).

    Uncertainty is the margin of the probabilities.

    Args:
        prefilter: the most uncertain samples, so many times the budget, that are clustered.
    """

    needs = frozenset({"probs", "embeddings"})

    def __init__(self, *, prefilter: int = 10) -> None:
        if prefilter < 1:
            raise ConfigurationError(f"prefilter must be at least 1, got {prefilter}")
        self._prefilter = prefilter

    def _choose(
        self, unlabelled: Predictions, budget: int, _labelled: Predictions | None, rng: np.random.Generator, /
    ) -> Selection:
        embeddings, margins = required(unlabelled, "embeddings"), margin(required(unlabelled, "probs"))
        shortlist = highest(margins, min(self._prefilter * budget, len(margins)))
        weights = np.maximum(margins[shortlist], TRACE)
        return Selection(shortlist[k_means(embeddings[shortlist], budget, weights=weights, rng=rng)])
