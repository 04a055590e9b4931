"""Strategies that ask for samples unlike each other, or like many others; they look at embeddings and at no class."""

from __future__ import annotations

import numpy as np

from alframe.errors import ConfigurationError
from alframe.functional import (
    density,
    facility_location,
    k_center_greedy,
    k_means,
    max_herding,
    prob_cover,
    purity_radius,
    typiclust,
    unit_length,
)
from alframe.strategy.base import ScoreStrategy, Strategy, required, required_labels
from alframe.types import Floats, Predictions, Selection


class CoreSet(Strategy):
    """Covers the pool: always the sample farthest from all labelled and chosen (Sener & Savarese 2018).

    Where nothing is labelled yet, it begins with the sample farthest from the mean.
    """

    needs = frozenset({"embeddings"})
    uses_labelled = True

    def _choose(
        self, unlabelled: Predictions, budget: int, labelled: Predictions | None, _rng: np.random.Generator, /
    ) -> Selection:
        return Selection(k_center_greedy(required(unlabelled, "embeddings"), budget, _centers(labelled)))


class KMeans(Strategy):
    """The sample nearest to the centroid of each of ``budget`` clusters (Zhdanov 2019, without weights)."""

    needs = frozenset({"embeddings"})

    def _choose(
        self, unlabelled: Predictions, budget: int, _labelled: Predictions | None, rng: np.random.Generator, /
    ) -> Selection:
        return Selection(k_means(required(unlabelled, "embeddings"), budget, rng=rng))


class FacilityLocation(Strategy):
    """The best representatives of the pool, where the labelled represent already (Wei, Iyer & Bilmes 2015).

    Args:
        neighbors: how many nearest neighbours a sample may represent.
    """

    needs = frozenset({"embeddings"})
    uses_labelled = True

    def __init__(self, *, neighbors: int = 32) -> None:
        if neighbors < 1:
            raise ConfigurationError(f"neighbors must be at least 1, got {neighbors}")
        self._neighbors = neighbors

    def _choose(
        self, unlabelled: Predictions, budget: int, labelled: Predictions | None, _rng: np.random.Generator, /
    ) -> Selection:
        embeddings = required(unlabelled, "embeddings")
        return Selection(facility_location(embeddings, budget, _centers(labelled), neighbors=self._neighbors))


class TypiClust(Strategy):
    """The most typical sample of each cluster without a label: for few labels, or none (Hacohen et al. 2022).

    Embeddings count by their direction alone, as in the paper.
    """

    needs = frozenset({"embeddings"})
    uses_labelled = True

    def _choose(
        self, unlabelled: Predictions, budget: int, labelled: Predictions | None, rng: np.random.Generator, /
    ) -> Selection:
        directions = unit_length(required(unlabelled, "embeddings"))
        return Selection(typiclust(directions, budget, _directions(labelled), rng=rng))


class ProbCover(Strategy):
    """The sample with most uncovered ones within ``radius``: for few labels, or none (Yehuda et al. 2022).

    Embeddings count by their direction alone, as in the paper.

    Args:
        radius: how far a label reaches, between embeddings of unit length; ``None`` for the largest at which 95% of the
            balls hold one cluster only, of as many as there are classes among the labels, or of ten where nothing is
            labelled.
    """

    needs = frozenset({"embeddings"})
    uses_labelled = True

    def __init__(self, *, radius: float | None = None) -> None:
        if radius is not None and not 0 <= radius < np.inf:
            raise ConfigurationError(f"radius must be null or a finite distance from 0 on, got {radius}")
        self._radius = radius

    def _choose(
        self, unlabelled: Predictions, budget: int, labelled: Predictions | None, rng: np.random.Generator, /
    ) -> Selection:
        directions, radius = unit_length(required(unlabelled, "embeddings")), self._radius
        if radius is None:
            classes = len(np.unique(required_labels(labelled))) if labelled is not None and len(labelled) else 10
            radius = purity_radius(directions, max(2, classes), rng=rng)
        return Selection(prob_cover(directions, budget, radius, _directions(labelled)))


class MaxHerding(Strategy):
    """Covers the pool by a Gaussian kernel on directions: for few labels, or none (Bae et al. 2024).

    Args:
        bandwidth: how far a label reaches, between embeddings of unit length.
    """

    needs = frozenset({"embeddings"})
    uses_labelled = True

    def __init__(self, *, bandwidth: float = 1.0) -> None:
        if not 0 < bandwidth < np.inf:
            raise ConfigurationError(f"bandwidth must be positive and finite, got {bandwidth}")
        self._bandwidth = bandwidth

    def _choose(
        self, unlabelled: Predictions, budget: int, labelled: Predictions | None, _rng: np.random.Generator, /
    ) -> Selection:
        directions = unit_length(required(unlabelled, "embeddings"))
        return Selection(max_herding(directions, budget, _directions(labelled), bandwidth=self._bandwidth))


class Density(ScoreStrategy):
    """The samples most like all the others; a part of information density (Settles & Craven 2008)."""

    needs = frozenset({"embeddings"})

    def score(self, predictions: Predictions) -> Floats:
        """Mean cosine similarity to the pool, (N,)."""
        return density(required(predictions, "embeddings"))


def _centers(labelled: Predictions | None) -> Floats | None:
    return None if labelled is None else required(labelled, "embeddings")


def _directions(labelled: Predictions | None) -> Floats | None:
    return None if labelled is None else unit_length(required(labelled, "embeddings"))
