"""Strategies that ask for one sample from each cluster of those the learner is unsure of."""

from __future__ import annotations

import numpy as np

from alframe.errors import ConfigurationError
from alframe.functional import alfa_mix, class_means, clue, cluster_margin
from alframe.strategy.base import Strategy, required, required_labels
from alframe.types import Predictions, Selection


class ClusterMargin(Strategy):
    """The smallest margins, in turns from their clusters (Citovsky et al. 2021).

    Args:
        factor: how many samples of small margin are clustered for each one that is asked for.
        threshold: the mean distance of embeddings from which on clusters stay apart; ``None`` makes as many clusters
            as samples are asked for.
    """

    needs = frozenset({"probs", "embeddings"})

    def __init__(self, *, factor: float = 10.0, threshold: float | None = None) -> None:
        if not 1 <= factor < np.inf:
            raise ConfigurationError(f"factor must be at least 1, got {factor}")
        if threshold is not None and not threshold >= 0:
            raise ConfigurationError(f"threshold must not be negative, got {threshold}")
        self._factor, self._threshold = factor, threshold

    def _choose(
        self, unlabelled: Predictions, budget: int, _labelled: Predictions | None, rng: np.random.Generator, /
    ) -> Selection:
        probs, embeddings = required(unlabelled, "probs"), required(unlabelled, "embeddings")
        factor, threshold = self._factor, self._threshold
        return Selection(cluster_margin(probs, embeddings, budget, factor=factor, threshold=threshold, rng=rng))


class Clue(Strategy):
    """The sample nearest to the centroid of each of ``budget`` clusters weighted by entropy (Prabhu et al. 2021).

    Args:
        temperature: divides the logits before the entropy is taken; higher lets the clusters follow the embeddings.
    """

    needs = frozenset({"probs", "embeddings"})

    def __init__(self, *, temperature: float = 1.0) -> None:
        if not 0 < temperature < np.inf:
            raise ConfigurationError(f"temperature must be positive, got {temperature}")
        self._temperature = temperature

    def _choose(
        self, unlabelled: Predictions, budget: int, _labelled: Predictions | None, rng: np.random.Generator, /
    ) -> Selection:
        probs, embeddings = required(unlabelled, "probs"), required(unlabelled, "embeddings")
        return Selection(clue(probs, embeddings, budget, temperature=self._temperature, rng=rng))


class AlfaMix(Strategy):
    """One from each cluster of samples whose class changes when a labelled class is mixed in (Parvaneh et al. 2022).

    Where nothing is labelled yet, the means of the predicted classes are mixed in.

    Args:
        eps: how much is mixed in at first, before division by the square root of the embedding's width.
    """

    needs = frozenset({"embeddings", "head"})
    uses_labelled = True

    def __init__(self, *, eps: float = 0.2) -> None:
        if not 0 < eps <= 1:
            raise ConfigurationError(f"eps must lie in (0, 1], got {eps}")
        self._eps = eps

    def _choose(
        self, unlabelled: Predictions, budget: int, labelled: Predictions | None, rng: np.random.Generator, /
    ) -> Selection:
        embeddings, head = required(unlabelled, "embeddings"), required(unlabelled, "head")
        anchors = None if labelled is None else class_means(required(labelled, "embeddings"), required_labels(labelled))
        return Selection(alfa_mix(embeddings, head, budget, anchors, eps=self._eps, rng=rng))
