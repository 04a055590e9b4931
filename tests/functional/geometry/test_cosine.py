"""Cosine similarity against all pairs in float64, near its bounds, and under permutation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional import density, distinct, resembles
from alframe.functional.geometry import cosine

Points = NDArray[np.float64]


def similarities(points: Points, centers: Points) -> Points:
    """All pairs, one at a time; zero for a vector of zeros."""

    def similarity(a: Points, b: Points) -> float:
        lengths = float(np.sqrt((a**2).sum()) * np.sqrt((b**2).sum()))
        return float((a * b).sum()) / lengths if lengths else 0.0

    return np.array([[similarity(a, b) for b in centers] for a in points]).reshape(len(points), len(centers))


def lattice(rows: int) -> st.SearchStrategy[Points]:
    """Small whole coordinates: copies, multiples and zeros are common."""
    return arrays(np.float64, (rows, 3), elements=st.integers(-2, 2).map(float))


@given(points=lattice(12), centers=lattice(4), similarity=st.sampled_from([0.3, 0.75, 0.99, 1.0]))
def test_what_resembles_a_center_is_what_all_pairs_say(points: Points, centers: Points, similarity: float) -> None:
    """No similarity on this lattice lies within rounding of 0.3, 0.75 or 0.99; copies and multiples are exactly 1."""
    expected = (similarities(points, centers) >= similarity - 1e-12).any(axis=1)
    assert resembles(points, centers, similarity).tolist() == expected.tolist()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_float32_cannot_tell_is_settled_in_float64(dtype: type[np.float32 | np.float64]) -> None:
    """Bounds set halfway between neighbouring similarities, a few 1e-7 apart, split the points where they should."""
    rng = np.random.default_rng(0)
    center = rng.normal(size=(1, 64))
    points = (center + 0.02 * rng.normal(size=(2000, 64))).astype(dtype)
    exact = similarities(points.astype(np.float64), center)[:, 0]
    ordered = np.sort(exact)
    for rank in (500, 1000, 1500):
        bound = float(ordered[rank - 1 : rank + 1].mean())
        assert ordered[rank] - ordered[rank - 1] < 1e-5
        assert np.array_equal(resembles(points, center, bound), exact >= bound)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three rows at a time, or all at once."""
    rng = np.random.default_rng(0)
    points, centers = rng.normal(size=(100, 5)), rng.normal(size=(7, 5))
    whole = resembles(points, centers, 0.8), density(points), distinct(points, 0.8)
    monkeypatch.setattr(cosine, "BLOCK_ENTRIES", 21)
    monkeypatch.setattr(cosine, "ROWS_AT_ONCE", 3)
    assert np.array_equal(distinct(points, 0.8), whole[2])
    assert np.array_equal(resembles(points, centers, 0.8), whole[0])
    np.testing.assert_allclose(density(points), whole[1], rtol=1e-12)


@given(points=lattice(10), similarity=st.sampled_from([0.3, 0.75, 1.0]))
def test_the_distinct_are_unlike_each_other_and_stand_for_the_rest(points: Points, similarity: float) -> None:
    """No two that are kept resemble each other; each that is left out resembles one that is kept before it."""
    kept = distinct(points, similarity)
    pairs = similarities(points, points) >= similarity - 1e-12
    assert not np.triu(pairs[np.ix_(kept, kept)], k=1).any()
    for position in set(range(10)) - set(kept.tolist()):
        assert pairs[position, kept[kept < position]].any()


def test_copies_and_multiples_are_one_kind_and_zeros_are_none() -> None:
    """The direction counts, not the length; a vector of zeros has none."""
    points = np.array([[1.0, 2.0], [3.0, 6.0], [-1.0, -2.0], [0.0, 0.0], [0.0, 0.0]])
    assert distinct(points, 1.0).tolist() == [0, 2, 3, 4]
    assert resembles(points, points[:1], 1.0).tolist() == [True, True, False, False, False]
    assert not resembles(points, np.empty((0, 2)), 0.5).any()
    assert density(points)[3:].tolist() == [0, 0]


@given(points=lattice(9), order=st.permutations(range(9)))
def test_density_is_the_mean_over_all_pairs(points: Points, order: list[int]) -> None:
    """The shortcut through the mean direction equals the definition, in whatever order the points come."""
    expected = similarities(points, points).mean(axis=1)
    np.testing.assert_allclose(density(points), expected, atol=1e-12)
    np.testing.assert_allclose(density(points[order]), expected[order], atol=1e-12)


def test_what_cannot_be_compared_is_refused() -> None:
    """Centres of another width, NaN, and similarities that no pair or every pair has."""
    points = np.ones((3, 2))
    with pytest.raises(InvalidInput, match=r"centers must be \(N, 2\)"):
        resembles(points, np.ones((1, 3)), 0.9)
    with pytest.raises(InvalidInput, match="NaN"):
        density(np.array([[np.nan]]))
    for similarity in (0.0, 1.1, np.nan):
        with pytest.raises(InvalidInput, match=r"similarity must lie in \(0, 1\]"):
            distinct(points, similarity)
