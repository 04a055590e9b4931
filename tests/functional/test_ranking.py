"""The highest scores, and ties broken, against sorting; the product of ranks against counting."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from alframe.errors import InvalidInput, PoolExhausted
from alframe.functional import break_ties, highest, rank_product

scores = arrays(np.float64, (2, 8), elements=st.integers(-3, 3).map(float))
strengths = st.tuples(st.sampled_from([0.0, 0.5, 1.0, 2.0]), st.sampled_from([0.0, 0.5, 1.0, 2.0]))


@given(
    values=arrays(np.float32, st.integers(1, 40), elements=st.sampled_from([-np.inf, -1.5, 0.0, -0.0, 2.0, np.inf])),
    share=st.floats(0, 1),
)
def test_the_highest_are_what_sorting_gives(values: NDArray[np.float32], share: float) -> None:
    """Highest first, and equal scores by position, from one to all."""
    budget = max(1, round(share * len(values)))
    expected = sorted(range(len(values)), key=lambda position: (-values[position], position))[:budget]
    chosen = highest(values, budget)
    assert chosen.dtype == np.int64
    assert chosen.tolist() == expected


def test_scores_without_an_order_are_refused() -> None:
    """NaN is neither high nor low, a table has no one order, and no more can be taken than there are."""
    for values in (np.array([1.0, np.nan]), np.ones((2, 2))):
        with pytest.raises(InvalidInput, match="scores must be"):
            highest(values, 1)
    with pytest.raises(PoolExhausted, match="cannot select 3"):
        highest(np.ones(2), 3)


def counted(values: NDArray[np.float64], powers: tuple[float, float]) -> list[float]:
    """For each score: how many lie below, and half of the others that are equal, and the sample itself, over N."""
    result = []
    for column in range(values.shape[1]):
        product = 1.0
        for row, power in zip(values, powers, strict=True):
            below, equal = (row < row[column]).sum(), (row == row[column]).sum()
            product *= float((below + (equal + 1) / 2) / len(row)) ** power
        result.append(product)
    return result


@given(values=scores, powers=strengths)
def test_ranks_are_what_counting_gives(values: NDArray[np.float64], powers: tuple[float, float]) -> None:
    """Ties share the mean of their ranks."""
    np.testing.assert_allclose(rank_product(values, powers), counted(values, powers), rtol=1e-12)


@given(values=scores, powers=strengths, order=st.permutations(range(8)))
def test_units_and_order_do_not_count(
    values: NDArray[np.float64], powers: tuple[float, float], order: list[int]
) -> None:
    """Any rising transformation of a score gives the same product; permuted samples carry theirs with them."""
    product = rank_product(values, powers)
    np.testing.assert_array_equal(rank_product(np.exp(7 * values), powers), product)
    np.testing.assert_array_equal(rank_product(values[:, order], powers), product[order])


@given(values=scores, powers=strengths)
def test_what_is_higher_in_every_score_is_no_lower_in_the_product(
    values: NDArray[np.float64], powers: tuple[float, float]
) -> None:
    """Pareto: a sample that no score puts below another is not put below it."""
    product = rank_product(values, powers)
    dominates = (values[:, :, np.newaxis] >= values[:, np.newaxis]).all(axis=0)
    assert (product[:, np.newaxis] >= product)[dominates].all()


def test_no_strength_leaves_a_score_out() -> None:
    """With strengths 1 and 0 the order is that of the first score."""
    values = np.array([[1.0, 3.0, 2.0], [9.0, 0.0, 5.0]])
    assert rank_product(values, [1, 0]).argsort().tolist() == [0, 2, 1]


def test_scores_without_their_strengths_are_refused() -> None:
    """One strength each, none negative, and no NaN."""
    values = np.zeros((2, 3))
    for powers in ([1.0], [1.0, -1.0], [1.0, np.nan]):
        with pytest.raises(InvalidInput, match="strengths must be 2 numbers"):
            rank_product(values, powers)
    with pytest.raises(InvalidInput, match="NaN"):
        rank_product(np.full((2, 3), np.nan), [1, 1])


@given(both=scores)
def test_ties_are_broken_and_nothing_else_changes(both: NDArray[np.float64]) -> None:
    """Sorting by what comes out is sorting by both scores, one after the other."""
    first, second = both
    found = break_ties(first, second)
    assert np.argsort(found, kind="stable").tolist() == np.lexsort((second, first)).tolist()
    assert ((found >= first) & (found < first + 1)).all()


@pytest.mark.parametrize(
    ("first", "second"),
    [(np.zeros((2, 2)), np.zeros((2, 2))), (np.zeros(2), np.zeros(3)), (np.array([np.inf]), np.zeros(1))],
)
def test_scores_that_cannot_be_ordered_are_refused(first: NDArray[np.float64], second: NDArray[np.float64]) -> None:
    """Another shape, another length, an infinity."""
    with pytest.raises(InvalidInput, match="scores"):
        break_ties(first, second)
