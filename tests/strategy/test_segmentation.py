"""What the strategies over pixels promise, proved for each of them under each aggregation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from alframe.errors import ConfigurationError, InvalidInput, PoolExhausted
from alframe.functional import map_boundary, map_mean, map_region, map_top
from alframe.strategy import PixelBald, PixelEntropy, PixelMargin, ScoreStrategy
from alframe.strategy.segmentation import Aggregation
from alframe.types import Need, Predictions

POOL, SIDE = 20, 12
STRATEGIES: dict[str, Callable[[Aggregation], ScoreStrategy]] = {
    "pixel_entropy": PixelEntropy,
    "pixel_margin": PixelMargin,
    "pixel_bald": PixelBald,
}


@pytest.fixture(params=[(name, way) for name in STRATEGIES for way in get_args(Aggregation)], ids="-".join)
def choice(request: pytest.FixtureRequest) -> tuple[Need, Aggregation]:
    """Each strategy under each aggregation."""
    found: tuple[Need, Aggregation] = request.param
    return found


@pytest.fixture
def strategy(choice: tuple[Need, Aggregation]) -> ScoreStrategy:
    """Made with that aggregation."""
    name, aggregation = choice
    return STRATEGIES[name](aggregation)


def predict(strategy: ScoreStrategy, classes: int = 3, count: int = POOL) -> Predictions:
    """Random maps of what the strategy needs and nothing else, read-only; images with blobs, one of them without."""
    rng = np.random.default_rng(0)
    maps = rng.random((count, SIDE, SIDE)).astype(np.float32)
    seen = np.zeros((count, SIDE, SIDE), dtype=np.uint8)
    for image in seen[1:]:
        top, left = rng.integers(0, SIDE - 4, 2)
        image[top : top + 4, left : left + 4] = rng.integers(1, classes + 1)
    arrays: dict[str, NDArray[Any]] = {
        need: seen.copy() if need == "pixel_classes" else maps.copy() for need in strategy.needs
    }
    for array in arrays.values():
        array.flags.writeable = False
    return Predictions(np.array([f"{row:02}" for row in range(count)]), **arrays)


def chosen(strategy: ScoreStrategy, predictions: Predictions, budget: int) -> NDArray[np.int64]:
    return strategy.select(predictions, budget, rng=np.random.default_rng(0)).positions


def test_an_image_has_the_score_that_its_aggregation_gives(
    strategy: ScoreStrategy, choice: tuple[Need, Aggregation]
) -> None:
    """That of the function of this name, with the defaults: the highest tenth, a band of two cells either side."""
    predictions = predict(strategy)
    name, aggregation = choice
    maps, seen = getattr(predictions, name), predictions.pixel_classes
    expected = {
        "mean": lambda: map_mean(maps),
        "top": lambda: map_top(maps, 0.1),
        "boundary": lambda: map_boundary(maps, seen, 2),  # type: ignore[arg-type]
        "region": lambda: map_region(maps, seen),  # type: ignore[arg-type]
    }[aggregation]()
    np.testing.assert_array_equal(strategy.score(predictions), expected)
    assert (seen is not None) == (aggregation in ("boundary", "region"))


def test_the_order_of_images_does_not_matter(strategy: ScoreStrategy) -> None:
    """Scores move with their images, and so does the choice."""
    predictions = predict(strategy)
    order = np.random.default_rng(1).permutation(POOL)
    np.testing.assert_array_equal(strategy.score(predictions.take(order)), strategy.score(predictions)[order])
    np.testing.assert_array_equal(order[chosen(strategy, predictions.take(order), 7)], chosen(strategy, predictions, 7))


@pytest.mark.parametrize("budget", [1, 7, POOL])
def test_it_chooses_the_highest_scores(strategy: ScoreStrategy, budget: int) -> None:
    """As many as asked for, each once, the same again on the same maps."""
    predictions = predict(strategy)
    positions = chosen(strategy, predictions, budget)
    np.testing.assert_array_equal(positions, np.argsort(-strategy.score(predictions), kind="stable")[:budget])
    np.testing.assert_array_equal(positions, chosen(strategy, predictions, budget))


@pytest.mark.parametrize("value", [0, 1])
def test_images_of_one_class_alone_are_told_apart(strategy: ScoreStrategy, value: int) -> None:
    """All background, or all one class: the choice still follows the maps."""
    predictions = predict(strategy)
    if predictions.pixel_classes is not None:
        predictions = replace(predictions, pixel_classes=np.full_like(predictions.pixel_classes, value))
    assert len(np.unique(strategy.score(predictions))) == POOL


def test_it_serves_a_task_of_one_class_and_a_learner_without_doubt(strategy: ScoreStrategy) -> None:
    """One class beside background; and maps of nothing but zeros, which go by position."""
    assert len(chosen(strategy, predict(strategy, classes=1), 5)) == 5
    predictions = predict(strategy)
    nothing: dict[str, Any] = {
        need: np.zeros_like(getattr(predictions, need)) for need in strategy.needs - {"pixel_classes"}
    }
    assert chosen(strategy, replace(predictions, **nothing), 5).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_maps_that_are_not_finite_are_refused(strategy: ScoreStrategy, value: float) -> None:
    """One cell is enough."""
    predictions = predict(strategy)
    (need,) = strategy.needs - {"pixel_classes"}
    spoilt = getattr(predictions, need).copy()
    spoilt[3, 2, 1] = value
    broken: dict[str, Any] = {need: spoilt}
    with pytest.raises(InvalidInput, match="NaN or infinite values, the first at position 3"):
        chosen(strategy, replace(predictions, **broken), 5)


def test_more_than_the_pool_holds_and_missing_arrays_are_refused(strategy: ScoreStrategy) -> None:
    """The message names the array."""
    predictions = predict(strategy)
    with pytest.raises(PoolExhausted, match=f"the pool holds {POOL}"):
        chosen(strategy, predictions, POOL + 1)
    for need in strategy.needs:
        missing: dict[str, Any] = {need: None}
        with pytest.raises(InvalidInput, match=f"reads {need}, which were not predicted"):
            chosen(strategy, replace(predictions, **missing), 5)


def test_the_top_fraction_and_the_width_are_used() -> None:
    """Other values give other scores."""
    predictions = predict(PixelEntropy("boundary"))
    for first, second in (
        (PixelEntropy("top", fraction=0.1), PixelEntropy("top", fraction=0.5)),
        (PixelEntropy("boundary", width=1), PixelEntropy("boundary", width=3)),
    ):
        assert (first.score(predictions)[1:] != second.score(predictions)[1:]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"aggregation": "median"}, "mean, top, boundary or region, not 'median'"),
        ({"fraction": 0.0}, r"strategy\.fraction must lie in \(0, 1\]"),
        ({"fraction": 1.5}, r"strategy\.fraction must lie in \(0, 1\]"),
        ({"width": 0}, r"strategy\.width must be at least 1"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    """The message names the key of the configuration."""
    with pytest.raises(ConfigurationError, match=message):
        PixelEntropy(**options)
