"""What the strategies that cover the pool do where a parameter is left to them."""

from __future__ import annotations

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
    known, embeddings = None if labelled is None else predictions(labelled, 1), required(predictions(80), "embeddings")
    radius = purity_radius(embeddings, clusters, rng=np.random.default_rng(5))
    expected = prob_cover(embeddings, 10, radius, None if known is None else required(known, "embeddings"))
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


def test_herding_looks_at_directions_alone() -> None:
    """Embeddings of another length choose the same."""
    pool = predictions(80)
    scaled = Predictions(pool.ids, embeddings=1e3 * required(pool, "embeddings"))
    selection = MaxHerding().select(scaled, 10, rng=np.random.default_rng(0))
    assert selection.positions.tolist() == max_herding(unit_length(required(pool, "embeddings")), 10).tolist()


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
        (FacilityLocation, {"neighbors": 0}, "strategy.neighbors must be at least 1"),
        (ProbCover, {"radius": -1.0}, "strategy.radius must be null or a finite distance"),
        (MaxHerding, {"bandwidth": 0.0}, "strategy.bandwidth must be positive"),
        (UncertaintyHerding, {"bandwidth": float("inf")}, "strategy.bandwidth must be null, or positive"),
        (WeightedKMeans, {"prefilter": 0}, "strategy.prefilter must be at least 1"),
    ],
)
def test_values_that_cannot_be_are_refused(strategy: Any, values: dict[str, Any], message: str) -> None:
    """The message names the key of the configuration."""
    with pytest.raises(ConfigurationError, match=message):
        strategy(**values)
