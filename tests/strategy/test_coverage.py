"""What the strategies that cover the pool do where a parameter is left to them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from alframe.errors import ConfigurationError
from alframe.functional import k_means, margin, max_herding, prob_cover, purity_radius, separation, unit_length
from alframe.strategy import (
    FacilityLocation,
    MaxHerding,
    ProbCover,
    Strategy,
    TypiClust,
    UncertaintyHerding,
    WeightedKMeans,
    required,
)
from alframe.types import Predictions


def predictions(count: int, seed: int = 0, labels: int = 3) -> Predictions:
    """Random probabilities, embeddings and labels."""
    rng = np.random.default_rng(seed)
    return Predictions(
        np.array([f"{i:03}" for i in range(count)]),
        probs=rng.dirichlet(np.ones(4), size=count),
        embeddings=rng.normal(size=(count, 3)),
        labels=np.arange(count) % labels,
    )


def chosen(strategy: Strategy, labelled: Predictions | None = None) -> list[int]:
    """Ten choices among eighty samples."""
    selection = strategy.select(predictions(80), 10, labelled=labelled, rng=np.random.default_rng(5))
    return [int(position) for position in selection.positions]


@pytest.mark.parametrize(("labelled", "clusters"), [(None, 10), (0, 10), (9, 3), (1, 2)])
def test_the_radius_is_that_of_pure_balls_of_as_many_clusters_as_classes(labelled: int | None, clusters: int) -> None:
    """Three labelled classes are three clusters, one class is two, and no label is ten."""
    known, pool = None if labelled is None else predictions(labelled, 1), predictions(80)
    directions = unit_length(required(pool, "embeddings"))
    radius = purity_radius(directions, clusters, rng=np.random.default_rng(5))
    centers = None if known is None else unit_length(required(known, "embeddings"))
    expected = prob_cover(directions, 10, radius, centers)
    assert chosen(ProbCover(), known) == expected.tolist()
    assert chosen(ProbCover(radius=radius), known) == expected.tolist()


@pytest.mark.parametrize("labelled", [None, 0, 1, 9])
def test_the_bandwidth_is_the_smallest_distance_between_labelled_samples(labelled: int | None) -> None:
    """Between directions, and one where there are no two."""
    pool, known = predictions(80), predictions(labelled or 0, 1)
    directions, centers = unit_length(required(pool, "embeddings")), unit_length(required(known, "embeddings"))
    bandwidth = separation(centers) if labelled == 9 else 1.0
    expected = max_herding(directions, 10, centers, weights=margin(required(pool, "probs")), bandwidth=bandwidth)
    assert chosen(UncertaintyHerding(), None if labelled is None else known) == expected.tolist()
    assert chosen(UncertaintyHerding(bandwidth=bandwidth), known) == expected.tolist()


@pytest.mark.parametrize("strategy", [MaxHerding(), TypiClust(), ProbCover(), ProbCover(radius=0.3)])
def test_directions_alone_are_looked_at(strategy: Strategy) -> None:
    """Embeddings of other lengths, each its own, choose the same, with labelled samples and without."""
    pool, known = predictions(80), predictions(9, 1)

    def stretched(given: Predictions, seed: int) -> Predictions:
        lengths = 2.0 ** np.random.default_rng(seed).integers(-9, 9, (len(given), 1))
        return replace(given, embeddings=lengths * required(given, "embeddings"))

    for labelled, other in ((None, None), (known, stretched(known, 3))):
        plain = strategy.select(pool, 10, labelled=labelled, rng=np.random.default_rng(0))
        scaled = strategy.select(stretched(pool, 2), 10, labelled=other, rng=np.random.default_rng(0))
        assert scaled.positions.tolist() == plain.positions.tolist()


def test_weighted_k_means_clusters_the_most_uncertain() -> None:
    """The prefilter keeps three times the budget, the margins weigh, and positions are those of the pool."""
    pool = predictions(80)
    uncertain = np.argsort(-margin(required(pool, "probs")), kind="stable")[:30]
    within = k_means(
        required(pool, "embeddings")[uncertain],
        10,
        weights=margin(required(pool, "probs"))[uncertain],
        rng=np.random.default_rng(5),
    )
    assert chosen(WeightedKMeans(prefilter=3)) == uncertain[within].tolist()
    # With a prefilter of one nothing is left to choose.
    assert sorted(chosen(WeightedKMeans(prefilter=1))) == sorted(uncertain[:10].tolist())


@pytest.mark.parametrize(
    ("strategy", "values", "message"),
    [
        (FacilityLocation, {"neighbors": 0}, "^neighbors must be at least 1"),
        (ProbCover, {"radius": -1.0}, "^radius must be null or a finite distance"),
        (MaxHerding, {"bandwidth": 0.0}, "^bandwidth must be positive"),
        (UncertaintyHerding, {"bandwidth": float("inf")}, "^bandwidth must be null, or positive"),
        (WeightedKMeans, {"prefilter": 0}, "^prefilter must be at least 1"),
    ],
)
def test_values_that_cannot_be_are_refused(strategy: Any, values: dict[str, Any], message: str) -> None:
    """The message names the argument, and no path to it."""
    with pytest.raises(ConfigurationError, match=message):
        strategy(**values)
