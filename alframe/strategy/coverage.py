"""Strategies that ask for samples unlike each other; they look at embeddings and at no class."""

from __future__ import annotations

import numpy as np

from alframe.functional import k_center_greedy, k_means
from alframe.strategy.base import Strategy, required
from alframe.types import Predictions, Selection


class CoreSet(Strategy):
    """Covers the pool: always the sample farthest from all labelled and chosen (Sener & Savarese 2018).

    Where nothing is labelled yet, it begins with the sample farthest from the mean.
    """

    needs = frozenset({"embeddings"})
    uses_labelled = True

    def _choose(
        self, unlabelled: Predictions, budget: int, labelled: Predictions | None, _rng: np.random.Generator, /
    ) -> Selection:
        centers = None if labelled is None else required(labelled, "embeddings")
        return Selection(k_center_greedy(required(unlabelled, "embeddings"), budget, centers))


class KMeans(Strategy):
    """The sample nearest to the centroid of each of ``budget`` clusters (Zhdanov 2019, without weights)."""

    needs = frozenset({"embeddings"})

    def _choose(
        self, unlabelled: Predictions, budget: int, _labelled: Predictions | None, rng: np.random.Generator, /
    ) -> Selection:
        return Selection(k_means(required(unlabelled, "embeddings"), budget, rng=rng))
