"""Strategies that ask for what differs from the labelled, or from what was chosen before."""

from __future__ import annotations

import numpy as np

from alframe.errors import ConfigurationError
from alframe.functional import cdal, contrastive, discriminative, drifted, entropy, falcun
from alframe.strategy.base import Scorer, Strategy, required
from alframe.types import Floats, Predictions, Selection


class Cal(Scorer):
    """Predicted otherwise than the labelled samples nearby (Margatina et al. 2021).

    Where nothing is labelled yet, the samples of highest entropy.

    Args:
        neighbors: how many labelled samples around a candidate count.
    """

    needs = frozenset({"probs", "embeddings"})
    uses_labelled = True

    def __init__(self, *, neighbors: int = 10) -> None:
        if neighbors < 1:
            raise ConfigurationError(f"neighbors must be at least 1, got {neighbors}")
        self._neighbors = neighbors

    def scores(self, unlabelled: Predictions, labelled: Predictions | None, /) -> Floats:
        """Mean divergence (nats) from the neighbours' predictions, (N,)."""
        probs, embeddings = required(unlabelled, "probs"), required(unlabelled, "embeddings")
        if not labelled:
            return entropy(probs)
        center_probs, centers = required(labelled, "probs"), required(labelled, "embeddings")
        return contrastive(probs, embeddings, center_probs, centers, self._neighbors)


class Cdal(Strategy):
    """Covers the predictions: always the distribution farthest from all labelled and chosen (Agarwal et al. 2020).

    Where nothing is labelled yet, it begins with the distribution farthest from the mean.
    """

    needs = frozenset({"probs"})
    uses_labelled = True

    def _choose(
        self, unlabelled: Predictions, budget: int, labelled: Predictions | None, _rng: np.random.Generator, /
    ) -> Selection:
        center_probs = None if labelled is None else required(labelled, "probs")
        return Selection(cdal(required(unlabelled, "probs"), budget, center_probs))


class Falcun(Strategy):
    """Draws by small margin and by distance to the probabilities of what was drawn before (Gilhuber et al. 2024).

    Args:
        gamma: zero draws at random, high values take the best.
    """

    needs = frozenset({"probs"})

    def __init__(self, *, gamma: float = 10.0) -> None:
        if not 0 <= gamma < np.inf:
            raise ConfigurationError(f"gamma must be a finite number that is not negative, got {gamma}")
        self._gamma = gamma

    def _choose(
        self, unlabelled: Predictions, budget: int, _labelled: Predictions | None, rng: np.random.Generator, /
    ) -> Selection:
        return Selection(falcun(required(unlabelled, "probs"), budget, gamma=self._gamma, rng=rng))


class Discriminative(Strategy):
    """The embeddings that a classifier is surest are not labelled (Gissin & Shalev-Shwartz 2019).

    Where nothing is labelled yet, it begins with samples drawn at random.

    Args:
        queries: in how many turns the batch is chosen; before each the classifier is fitted again.
    """

    needs = frozenset({"embeddings"})
    uses_labelled = True

    def __init__(self, *, queries: int = 10) -> None:
        if queries < 1:
            raise ConfigurationError(f"queries must be at least 1, got {queries}")
        self._queries = queries

    def _choose(
        self, unlabelled: Predictions, budget: int, labelled: Predictions | None, rng: np.random.Generator, /
    ) -> Selection:
        centers = None if labelled is None else required(labelled, "embeddings")
        points = required(unlabelled, "embeddings")
        return Selection(discriminative(points, budget, centers, queries=self._queries, rng=rng))


class Drifted(Strategy):
    """Unlike the labelled samples, and spread over all that are: for what has arrived since the labels were given.

    Where nothing is labelled yet, it spreads over everything.

    Args:
        factor: it draws from a shortlist so many times as long as the batch, at least 1.
    """

    needs = frozenset({"embeddings"})
    uses_labelled = True

    def __init__(self, *, factor: float = 5.0) -> None:
        if not 1 <= factor < np.inf:
            raise ConfigurationError(f"factor must be finite and at least 1, got {factor}")
        self._factor = factor

    def _choose(
        self, unlabelled: Predictions, budget: int, labelled: Predictions | None, rng: np.random.Generator, /
    ) -> Selection:
        reference = None if labelled is None else required(labelled, "embeddings")
        return Selection(drifted(required(unlabelled, "embeddings"), budget, reference, factor=self._factor, rng=rng))
