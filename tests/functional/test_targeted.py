"""Query by example against its formulas, over every subset where the theorem speaks of the best one."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from alframe.errors import InvalidInput, PoolExhausted
from alframe.functional import flqmi, gcmi

Points = NDArray[Any]


def cosines(a: Points, b: Points) -> Points:
    """Inner products over lengths; a vector of zeros resembles nothing."""
    lengths = np.outer(np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1))
    return np.asarray((a @ b.T) / np.where(lengths, lengths, 1))


def information(points: Points, chosen: list[int], query: Points, avoid: Points, eta: float) -> float:
    """The formula of the docstring, for the chosen set."""
    toward, away = np.maximum(cosines(points, query), 0), np.maximum(cosines(points, avoid), 0)
    represented = np.maximum(cosines(query, avoid), 0).max(axis=1, initial=0)
    first = np.maximum(toward[chosen].max(axis=0, initial=0) - represented, 0).sum()
    second = np.maximum(toward[chosen].max(axis=1) - away[chosen].max(axis=1, initial=0), 0).sum()
    return float(first + eta * second)


@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("avoided", [0, 6])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_each_choice_informs_as_much_as_any_other_would(
    eta: float, avoided: int, dtype: type[np.float32 | np.float64]
) -> None:
    """FLQMI, with and without a set to stay away from."""
    rng = np.random.default_rng(0)
    points, query = rng.normal(size=(60, 5)).astype(dtype), rng.normal(size=(8, 5)).astype(dtype)
    avoid, before = rng.normal(size=(avoided, 5)).astype(dtype), list[int]()
    for position in flqmi(points, query, 20, avoid=avoid, eta=eta).tolist():
        left = [other for other in range(60) if other not in before]
        best = max(information(points, [*before, other], query, avoid, eta) for other in left)
        before.append(position)
        assert information(points, before, query, avoid, eta) == pytest.approx(best, rel=1e-6)


@given(
    points=arrays(np.float64, (9, 2), elements=st.integers(-2, 2).map(float)),
    query=arrays(np.float64, (3, 2), elements=st.integers(-2, 2).map(float)),
    avoid=arrays(np.float64, (2, 2), elements=st.integers(-2, 2).map(float)),
    avoided=st.booleans(),
    budget=st.integers(1, 4),
)
def test_flqmi_is_within_1_minus_1_over_e_of_the_best(
    points: Points, query: Points, avoid: Points, avoided: bool, budget: int
) -> None:
    """Nemhauser, Wolsey & Fisher's theorem, against every subset; the formula stays submodular with ``avoid``."""
    avoid = avoid if avoided else avoid[:0]
    sums = [information(points, list(subset), query, avoid, 1.0) for subset in combinations(range(9), budget)]
    chosen = flqmi(points, query, budget, avoid=avoid).tolist()
    assert information(points, chosen, query, avoid, 1.0) >= (1 - 1 / np.e) * max(sums) - 1e-9


@pytest.mark.parametrize("avoided", [0, 6])
@pytest.mark.parametrize("budget", [1, 10, 60])
def test_gcmi_takes_exactly_the_highest_scores(avoided: int, budget: int) -> None:
    """A modular function is maximised by its largest terms, and the scores are means of cosines."""
    rng = np.random.default_rng(0)
    points, query, avoid = rng.normal(size=(60, 5)), rng.normal(size=(8, 5)), rng.normal(size=(avoided, 5))
    scores = cosines(points, query).mean(axis=1) - (cosines(points, avoid).mean(axis=1) if avoided else 0)
    assert gcmi(points, query, budget, avoid=avoid).tolist() == np.argsort(-scores)[:budget].tolist()


def test_flqmi_represents_the_query_where_gcmi_takes_the_likest() -> None:
    """Two kinds of examples, one more common: FLQMI brings both, GCMI three of the common kind."""
    rng = np.random.default_rng(0)
    kinds = np.repeat([0, 1, 2], 20)
    points = np.eye(3)[kinds] + 0.05 * rng.normal(size=(60, 3))
    query = np.array([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    assert set(kinds[flqmi(points, query, 3)]) == {0, 1}
    assert set(kinds[gcmi(points, query, 3)]) == {0}


def test_what_is_avoided_is_stayed_away_from() -> None:
    """The query lies between two kinds; naming one of them leaves the other."""
    kinds = np.repeat([0, 1], 20)
    points = np.eye(2)[kinds] + 0.05 * np.random.default_rng(0).normal(size=(40, 2))
    query, avoid = np.array([[1.0, 1.0]]), np.array([[1.0, 0.0]])
    for choose in (flqmi, gcmi):
        assert set(kinds[choose(points, query, 10, avoid=avoid)]) == {1}


@given(seed=st.integers(0, 100), scale=st.sampled_from([1e-3, 1.0, 1e3]))
def test_neither_the_order_nor_the_length_of_vectors_matters(seed: int, scale: float) -> None:
    """A permutation permutes the choice; the cosine forgets lengths."""
    rng = np.random.default_rng(seed)
    points, query, order = rng.normal(size=(40, 4)), rng.normal(size=(3, 4)), rng.permutation(40)
    for choose in (flqmi, gcmi):
        chosen = choose(points, query, 5)
        assert order[choose(scale * points[order], query, 5)].tolist() == chosen.tolist()


def test_vectors_of_zeros_and_duplicates_are_served() -> None:
    """No direction, no information, but a choice; and every duplicate once."""
    for choose in (flqmi, gcmi):
        assert sorted(choose(np.zeros((4, 2)), np.zeros((1, 2)), 4).tolist()) == [0, 1, 2, 3]
        assert sorted(choose(np.ones((4, 2)), np.ones((2, 2)), 4, avoid=np.ones((1, 2))).tolist()) == [0, 1, 2, 3]


def test_what_has_no_target_is_refused() -> None:
    """No example, examples of another width, a negative eta, a budget larger than the pool."""
    points = np.ones((3, 2))
    for choose in (flqmi, gcmi):
        with pytest.raises(InvalidInput, match="the query holds no example"):
            choose(points, points[:0], 1)
        with pytest.raises(InvalidInput, match=r"query must be \(N, 2\)"):
            choose(points, np.ones((1, 3)), 1)
        with pytest.raises(InvalidInput, match=r"avoid must be \(N, 2\)"):
            choose(points, points, 1, avoid=np.ones((1, 3)))
        with pytest.raises(PoolExhausted, match="the pool holds 3"):
            choose(points, points, 4)
    with pytest.raises(InvalidInput, match="eta must be"):
        flqmi(points, points, 1, eta=-1.0)
