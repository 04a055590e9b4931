from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional import map_boundary, map_mean, map_region, map_top

PROBLEMS = st.tuples(
    st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 9), st.integers(1, 9), st.integers(1, 3)
)


def problem(seed: int, count: int, height: int, width: int, classes: int) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """Random maps, and classes of which most are background; the first image is nothing else."""
    rng = np.random.default_rng(seed)
    seen = rng.integers(0, classes + 1, (count, height, width)) * (rng.random((count, height, width)) < 0.4)
    seen[0] = 0
    return rng.normal(size=(count, height, width)).astype(np.float32), seen.astype(np.uint8)


def slow_band(classes: NDArray[np.uint8], width: int) -> list[tuple[int, int]]:
    """Cells with another class at most ``width`` rows and columns away; all, if there is none."""
    places = list(np.ndindex(*classes.shape))
    band = [
        here
        for here in places
        if any(
            classes[here] != classes[there] and max(abs(here[0] - there[0]), abs(here[1] - there[1])) <= width
            for there in places
        )
    ]
    return band or places


def slow_regions(classes: NDArray[np.uint8]) -> list[list[tuple[int, int]]]:
    """Foreground cells by flood fill; one region of all cells, if there is none."""
    left = {place for place in np.ndindex(*classes.shape) if classes[place]}
    regions = []
    while left:
        region, edge = [], [left.pop()]
        while edge:
            y, x = edge.pop()
            region.append((y, x))
            near = {(y + down, x + right) for down in (-1, 0, 1) for right in (-1, 0, 1)} & left
            left -= near
            edge.extend(near)
        regions.append(region)
    return regions or [list(np.ndindex(*classes.shape))]


def mean_over(values: NDArray[Any], places: list[tuple[int, int]]) -> float:
    return float(np.mean([float(values[place]) for place in places]))


@given(PROBLEMS, st.floats(0.01, 1))
def test_mean_and_top_are_what_sorting_gives(drawn: tuple[int, ...], fraction: float) -> None:
    """Against the sorted cells of each image; the highest share of all of them is the mean."""
    maps, _ = problem(*drawn)
    cells = np.sort(maps.reshape(len(maps), -1).astype(np.float64), axis=1)
    count = ceil(fraction * cells.shape[1])
    np.testing.assert_allclose(map_mean(maps), cells.mean(axis=1), atol=1e-12)
    np.testing.assert_allclose(map_top(maps, fraction), cells[:, -count:].mean(axis=1), atol=1e-12)
    np.testing.assert_allclose(map_top(maps, 1), map_mean(maps), atol=1e-12)


@given(PROBLEMS, st.integers(1, 4))
def test_the_boundary_band_is_the_slow_one(drawn: tuple[int, ...], width: int) -> None:
    """Against all pairs of cells of each image, those that are all background among them."""
    maps, classes = problem(*drawn)
    slow = [mean_over(each, slow_band(seen, width)) for each, seen in zip(maps, classes, strict=True)]
    np.testing.assert_allclose(map_boundary(maps, classes, width), slow, atol=1e-12)


@given(PROBLEMS)
def test_the_best_region_is_the_one_of_a_flood_fill(drawn: tuple[int, ...]) -> None:
    """Against regions that grow cell by cell; no region reaches from one image into the next."""
    maps, classes = problem(*drawn)
    slow = [
        max(mean_over(each, region) for region in slow_regions(seen)) for each, seen in zip(maps, classes, strict=True)
    ]
    np.testing.assert_allclose(map_region(maps, classes), slow, atol=1e-12)


SCORES: list[Callable[[NDArray[Any], NDArray[np.uint8]], NDArray[np.float64]]] = [
    lambda maps, _: map_mean(maps),
    lambda maps, _: map_top(maps, 0.3),
    lambda maps, classes: map_boundary(maps, classes, 2),
    map_region,
]


@pytest.mark.parametrize("score", SCORES)
def test_many_blocks_score_as_one_image_at_a_time(
    score: Callable[[NDArray[Any], NDArray[np.uint8]], NDArray[np.float64]],
) -> None:
    """Maps larger than a block, in half precision as they may lie on disk, and none at all."""
    maps, classes = problem(0, 70, 48, 48, 2)
    maps = maps.astype(np.float16)
    one_by_one = [score(maps[row : row + 1], classes[row : row + 1])[0] for row in range(70)]
    np.testing.assert_array_equal(score(maps, classes), one_by_one)
    assert score(maps[:0], classes[:0]).shape == (0,)


def test_an_image_without_border_or_foreground_has_the_mean_of_its_map() -> None:
    """Background alone, and one class everywhere, which is a region but has no border."""
    maps, _ = problem(0, 2, 5, 5, 1)
    for value in (0, 1):
        alone = np.full((2, 5, 5), value, dtype=np.uint8)
        np.testing.assert_allclose(map_boundary(maps, alone, 1), map_mean(maps), atol=1e-12)
        np.testing.assert_allclose(map_region(maps, alone), map_mean(maps), atol=1e-12)


@pytest.mark.parametrize("score", SCORES)
def test_maps_that_cannot_be_scored_are_refused(
    score: Callable[[NDArray[Any], NDArray[np.uint8]], NDArray[np.float64]],
) -> None:
    """Another shape, no cells, NaN, integers."""
    maps, classes = problem(0, 3, 4, 4, 1)
    spoilt = maps.copy()
    spoilt[1, 0, 0] = np.nan
    for wrong, message in (
        (maps[0], r"maps must be \(N, h, w\)"),
        (maps[:, :0], r"maps must be \(N, h, w\)"),
        (spoilt, "maps has 1 rows with NaN or infinite values, the first at position 1"),
        (classes, "floating point"),
    ):
        with pytest.raises(InvalidInput, match=message):
            score(wrong, np.zeros(wrong.shape, dtype=np.uint8))


def test_classes_and_options_that_do_not_fit_are_refused() -> None:
    """The message says what would."""
    maps, classes = problem(0, 3, 4, 4, 1)
    others: list[NDArray[Any]] = [classes[:2], classes.astype(np.int64)]
    for wrong in others:
        with pytest.raises(InvalidInput, match=r"classes must be uint8 of shape \(3, 4, 4\)"):
            map_region(maps, wrong)
    with pytest.raises(InvalidInput, match="width must be at least 1"):
        map_boundary(maps, classes, 0)
    for fraction in (0, 1.5):
        with pytest.raises(InvalidInput, match=r"fraction must lie in \(0, 1\]"):
            map_top(maps, fraction)
