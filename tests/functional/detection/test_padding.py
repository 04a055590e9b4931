"""What is refused at the door, and that padding and blocks change no score."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from detections import random_detections
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional import (
    box_bald,
    box_entropy,
    box_least_confidence,
    box_margin,
    box_variance,
    consistency,
    detection_scores,
    expected_counts,
    localisation_stability,
    unconfirmed,
)
from alframe.functional.detection.padding import check_detections, per_detection

OF_DETECTIONS: list[tuple[Any, tuple[str, ...]]] = [
    (box_least_confidence, ("box_probs",)),
    (box_margin, ("box_probs",)),
    (box_entropy, ("box_probs",)),
    (box_bald, ("box_samples",)),
    (box_variance, ("boxes", "box_draws")),
    (detection_scores, ("box_probs",)),
    (unconfirmed, ("boxes", "box_probs", "box_samples", "box_draws")),
]
OF_IMAGES: list[tuple[Any, tuple[str, ...]]] = [
    (localisation_stability, ("boxes", "box_probs", "box_draws")),
    (consistency, ("boxes", "box_probs", "box_samples", "box_draws")),
    (expected_counts, ("box_probs",)),
]


@given(seed=st.integers(0, 99), longer=st.integers(1, 5))
@pytest.mark.parametrize(("function", "names"), OF_DETECTIONS + OF_IMAGES)
def test_more_padding_changes_nothing(function: Any, names: tuple[str, ...], seed: int, longer: int) -> None:
    """Rows of NaN at the end say only that there is nothing."""
    arrays = random_detections(7, 3, seed, dtype=np.float64)
    padded = [
        np.concatenate([arrays[name], np.full((7, longer, *arrays[name].shape[2:]), np.nan)], axis=1) for name in names
    ]
    expected, found = function(*(arrays[name] for name in names)), function(*padded)
    if (function, names) in OF_DETECTIONS:
        assert np.isnan(found[:, 6:]).all()
        found = found[:, :6]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@given(seed=st.integers(0, 99))
@pytest.mark.parametrize(("function", "names"), OF_DETECTIONS + OF_IMAGES)
def test_the_order_of_detections_does_not_matter(function: Any, names: tuple[str, ...], seed: int) -> None:
    """Detections that trade places trade scores, and an image keeps its own."""
    arrays = random_detections(7, 3, seed, found=np.full(7, 6), dtype=np.float64)
    order = np.random.default_rng(seed).permutation(6)
    expected, found = (
        function(*(arrays[name] for name in names)),
        function(*(arrays[name][:, order] for name in names)),
    )
    expected = expected[:, order] if (function, names) in OF_DETECTIONS else expected
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("function", "names"), OF_DETECTIONS + OF_IMAGES)
def test_each_image_is_scored_by_itself(function: Any, names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """One image at a time, in whatever blocks, gives what all together give."""
    arrays = random_detections(9, 3, dtype=np.float64)
    expected = [function(*(arrays[name][[image]] for name in names))[0] for image in range(9)]
    for module, limit in (("blocks", "BLOCK_ENTRIES"), ("blocks", "BLOCK_BYTES")):
        monkeypatch.setattr(sys.modules[f"alframe.functional.{module}"], limit, 100)
        np.testing.assert_allclose(function(*(arrays[name] for name in names)), expected, rtol=1e-12)


@pytest.mark.parametrize(("function", "names"), OF_DETECTIONS + OF_IMAGES)
def test_half_precision_is_read_as_what_it_holds(function: Any, names: tuple[str, ...]) -> None:
    """Scores of halves are those of the same numbers in double precision, to single precision."""
    halves = random_detections(9, 3, dtype=np.float16)
    expected = function(*(halves[name].astype(np.float64) for name in names))
    np.testing.assert_allclose(function(*(halves[name] for name in names)), expected, atol=1e-4)


@pytest.mark.parametrize(("function", "names"), OF_DETECTIONS + OF_IMAGES)
@pytest.mark.parametrize(("count", "most"), [(0, 4), (3, 0), (0, 0)])
def test_nothing_gives_nothing(function: Any, names: tuple[str, ...], count: int, most: int) -> None:
    """No image, or no detection in any: shapes are kept, and no number is made up."""
    arrays = random_detections(count, 3, most=most)
    scores = function(*(arrays[name] for name in names))
    assert len(scores) == count
    assert not np.nan_to_num(scores).any()


def with_value(place: tuple[int, ...], value: float) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """What puts a value in one place of an array."""

    def changed(array: NDArray[Any]) -> NDArray[Any]:
        array[place] = value
        return array

    return changed


@pytest.mark.parametrize(
    ("name", "changed", "message"),
    [
        (
            "boxes",
            with_value((1, 0, 3), np.nan),
            "boxes has 1 images with NaN or infinite values, the first at position 1",
        ),
        (
            "boxes",
            with_value((1, 0), np.nan),
            "boxes has 1 images with NaN or infinite values, the first at position 1",
        ),
        ("box_draws", with_value((4, 5, 0, 0), np.inf), "box_draws has 1 images .*, the first at position 4"),
        ("box_probs", with_value((0, 5), np.nan), "boxes and box_probs have not the same .* 1 images, .* position 0"),
        ("box_probs", with_value((0, 0), 0.9), "must hold probabilities"),
        (
            "box_samples",
            lambda array: array[..., 1:],
            r"must be \(N, K, T, C \+ 1\), got shape \(5, 6, 5, 3\) where N = 5",
        ),
        ("box_draws", lambda array: array[:, :, :3], r"got shape \(5, 6, 3, 4\) where N = 5, K = 6, T = 5"),
        ("boxes", lambda array: array[..., :3], r"boxes must be \(N, K, 4\), got shape \(5, 6, 3\)"),
        ("boxes", lambda array: np.zeros(array.shape, dtype=np.int64), "boxes must be floating point, got int64"),
    ],
)
def test_what_is_no_padded_detection_is_refused(
    name: str, changed: Callable[[NDArray[Any]], NDArray[Any]], message: str
) -> None:
    """The message names the array and the image."""
    arrays = random_detections(5, 3, found=np.array([6, 2, 0, 1, 6]))
    del arrays["box_embeddings"]
    check_detections(**arrays)
    with pytest.raises(InvalidInput, match=message):
        check_detections(**{**arrays, name: changed(arrays[name].copy())})


def test_a_background_alone_is_no_class() -> None:
    """There is one class at least."""
    with pytest.raises(InvalidInput, match=r"box_probs must be \(N, K, C \+ 1\), got shape \(2, 3, 1\)"):
        check_detections(box_probs=np.ones((2, 3, 1)))


def test_scores_go_where_their_detections_are() -> None:
    """A score that is the detection's own number comes back in its place."""
    found = np.array([[True, True], [False, False], [True, False]])
    values = np.arange(6.0).reshape(3, 2)
    scores = per_detection(lambda rows: rows, found, values)
    np.testing.assert_array_equal(scores, np.where(found, values, np.nan))
