"""Scores of detections made one, against Python's own lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alframe.errors import InvalidInput
from alframe.functional import image_scores

rows = st.lists(st.floats(-5, 5), max_size=7)


@given(images=st.lists(rows, max_size=5), top_k=st.integers(1, 9), empty=st.floats(-1, 1))
def test_aggregations_are_those_of_lists(images: list[list[float]], top_k: int, empty: float) -> None:
    """Each image by itself; one without detections has the score that was given for such."""
    padded = np.full((len(images), 7), np.nan)
    for row, scores in zip(padded, images, strict=True):
        row[: len(scores)] = scores
    expected: dict[str, Callable[[list[float]], float]] = {
        "max": lambda scores: max(scores),
        "mean": lambda scores: sum(scores) / len(scores),
        "sum": lambda scores: sum(scores),
        "top": lambda scores: sum(sorted(scores)[-top_k:]) / min(top_k, len(scores)),
    }
    for name, function in expected.items():
        aggregation: Any = name
        found = image_scores(padded, aggregation, top_k=top_k, empty=empty)
        of_lists = np.array([function(scores) if scores else empty for scores in images])
        np.testing.assert_allclose(found, of_lists, atol=1e-12)


def test_a_large_score_counts_wherever_it_stands() -> None:
    """Of scores the highest is taken, not the first."""
    assert image_scores(np.array([[0.1, 0.9, np.nan]]), "max").tolist() == [0.9]


@pytest.mark.parametrize(
    ("scores", "arguments", "message"),
    [
        (np.zeros(3), {}, r"scores must be \(N, K\)"),
        (np.full((1, 1), np.inf), {}, "finite or NaN"),
        (np.zeros((1, 1)), {"top_k": 0}, "top_k must be at least 1"),
        (np.zeros((1, 1)), {"aggregation": "median"}, "aggregation is max, mean, sum or top; got 'median'"),
    ],
)
def test_what_cannot_be_aggregated_is_refused(scores: Any, arguments: dict[str, Any], message: str) -> None:
    """The message says what was there."""
    with pytest.raises(InvalidInput, match=message):
        image_scores(scores, **arguments)
