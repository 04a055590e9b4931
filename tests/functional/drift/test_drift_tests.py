"""Two-sample tests against slow loops, against scipy, and against what theory says of them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import roc_auc_score

from alframe.errors import InvalidInput
from alframe.functional import (
    domain_classifier,
    kolmogorov_smirnov,
    maximum_mean_discrepancy,
    population_stability,
    smallest_p_value,
)
from alframe.functional.drift.kernel import _gaussian_kernel, _unbiased

Points = NDArray[np.float64]


def two_sides(seed: int, first: int = 12, second: int = 9, width: int = 3) -> tuple[Points, Points]:
    """Normal samples, the second side moved a little."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(first, width)), 0.3 + rng.normal(size=(second, width))


@given(st.lists(st.integers(0, 5), min_size=1, max_size=12), st.lists(st.integers(0, 5), min_size=1, max_size=12))
def test_the_statistic_is_the_largest_difference_of_shares(first: list[int], second: list[int]) -> None:
    """By counting at every value, ties and all."""
    a, b = (np.array(side, dtype=np.float64)[:, np.newaxis] for side in (first, second))
    gaps = [abs(np.mean(a <= value) - np.mean(b <= value)) for value in range(6)]
    statistics, p_values = kolmogorov_smirnov(a, b)
    assert statistics[0] == pytest.approx(max(gaps))
    assert 0 <= p_values[0] <= 1


def test_its_p_value_is_the_share_of_all_divisions_with_as_large_a_statistic() -> None:
    """Exactly, for values without ties: 3 of 8 samples on one side, all 56 ways."""
    values = np.random.default_rng(0).normal(size=(8, 1))
    observed, p_values = kolmogorov_smirnov(values[:3], values[3:])
    divisions = [list(chosen) for chosen in combinations(range(8), 3)]
    found = [kolmogorov_smirnov(values[rows], np.delete(values, rows, axis=0))[0][0] for rows in divisions]
    assert p_values[0] == pytest.approx(np.mean(np.array(found) >= observed[0] - 1e-9))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_one_p_value_for_many_tests(p_values: list[float]) -> None:
    """Bonferroni's and Simes', by their formulas; Simes never asks for more."""
    count, ordered = len(p_values), sorted(p_values)
    simes = min(count * p / rank for rank, p in enumerate(ordered, start=1))
    assert smallest_p_value(p_values, "bonferroni") == pytest.approx(min(1.0, count * ordered[0]))
    assert smallest_p_value(p_values, "benjamini_hochberg") == pytest.approx(min(1.0, simes))
    assert simes <= count * ordered[0] + 1e-12


@settings(max_examples=20)
@given(seed=st.integers(0, 1000))
def test_the_statistics_of_all_permutations_come_from_one_kernel(seed: int) -> None:
    """As a double loop over pairs with a kernel of their own would give them (Gretton et al. 2012, equation 3)."""
    points = np.concatenate(two_sides(seed, first=6, second=4))
    width = np.median([((a - b) ** 2).sum() for a, b in combinations(points, 2)])

    def similarity(first: int, second: int) -> float:
        return float(np.exp(-((points[first] - points[second]) ** 2).sum() / (2 * width)))

    def mean(pairs: list[tuple[int, int]]) -> float:
        return float(np.mean([similarity(*pair) for pair in pairs]))

    sides = np.random.default_rng(seed).permuted(np.repeat([[1.0], [0.0]], [6, 4], axis=0).repeat(5, axis=1), axis=0)
    expected = []
    for column in sides.T:
        a, b = np.flatnonzero(column).tolist(), np.flatnonzero(column == 0).tolist()
        within = [mean([(i, j) for i in side for j in side if i != j]) for side in (a, b)]
        expected.append(sum(within) - 2 * mean([(i, j) for i in a for j in b]))
    np.testing.assert_allclose(_unbiased(_gaussian_kernel(points), sides), expected, atol=1e-12)


def test_the_discrepancy_is_unbiased() -> None:
    """Its mean over many pairs without drift is zero within three standard errors."""
    rng = np.random.default_rng(0)
    found = [
        maximum_mean_discrepancy(rng.normal(size=(12, 2)), rng.normal(size=(15, 2)), permutations=1, rng=rng)[0]
        for _ in range(300)
    ]
    assert abs(np.mean(found)) < 3 * stats.sem(found)


def test_only_so_many_samples_are_compared_and_the_smaller_side_is_kept() -> None:
    """A small window far away is found in a large reference of which a part is looked at."""
    rng = np.random.default_rng(0)
    reference, window = rng.normal(size=(500, 2)), rng.normal(3, 1, size=(10, 2))
    statistic, p_value = maximum_mean_discrepancy(reference, window, permutations=99, most=60, rng=rng)
    assert statistic > 0.5
    assert p_value == 0.01


def test_a_spread_is_seen_by_the_kernel_and_not_by_the_plane() -> None:
    """Means stay where they are and the spread doubles: what the docstring says of the domain classifier."""
    rng = np.random.default_rng(0)
    reference, window = rng.normal(size=(200, 2)), rng.normal(0, 2, size=(200, 2))
    assert maximum_mean_discrepancy(reference, window, permutations=199, rng=rng)[1] == 1 / 200
    assert domain_classifier(reference, window, rng=rng)[1] > 0.05
    assert smallest_p_value(kolmogorov_smirnov(reference, window)[1], "bonferroni") < 0.01


def test_the_area_is_that_of_halves_that_were_not_fitted() -> None:
    """A side that only its own samples give away is not told apart: in 60 dimensions a plane learns 20 by heart."""
    rng = np.random.default_rng(0)
    areas = [domain_classifier(rng.normal(size=(20, 60)), rng.normal(size=(20, 60)), rng=rng)[0] for _ in range(60)]
    assert abs(np.mean(areas) - 0.5) < 0.06
    moved = domain_classifier(np.zeros((20, 1)), np.ones((20, 1)), rng=rng)
    assert moved[0] == roc_auc_score([0, 1], [0.0, 1.0]) == 1.0
    assert moved[1] < 1e-4


@settings(max_examples=20)
@given(seed=st.integers(0, 1000), factor=st.sampled_from([1e-4, 1e4]), offset=st.sampled_from([0.0, 100.0]))
def test_origin_and_unit_do_not_matter(seed: int, factor: float, offset: float) -> None:
    """All tests of embeddings say the same of embeddings that were moved or measured in another unit."""
    first, second = two_sides(seed)

    def found(a: Points, b: Points) -> list[float]:
        discrepancy = maximum_mean_discrepancy(a, b, permutations=20, rng=np.random.default_rng(0))
        return [*kolmogorov_smirnov(a, b)[1], *discrepancy, *domain_classifier(a, b, rng=np.random.default_rng(0))]

    moved = [offset * factor + factor * side for side in (first, second)]
    np.testing.assert_allclose(found(*moved), found(first, second), atol=1e-7)


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=6))
def test_the_index_is_the_sum_of_its_definition(counts: list[tuple[int, int]]) -> None:
    """Class by class, half a sample added to each; the same with sides exchanged."""
    first, second = (np.array(side) for side in zip(*counts, strict=True))
    if not (first.any() and second.any()):
        return
    expected = 0.0
    for a, b in counts:
        p = (a + 0.5) / (first.sum() + 0.5 * len(counts))
        q = (b + 0.5) / (second.sum() + 0.5 * len(counts))
        expected += (p - q) * np.log(p / q)
    rng = np.random.default_rng(0)
    assert population_stability(first, second, permutations=1, rng=rng)[0] == pytest.approx(expected)
    assert population_stability(second, first, permutations=1, rng=rng)[0] == pytest.approx(expected)


def test_for_large_counts_its_p_value_is_that_of_chi_square() -> None:
    """With C - 1 degrees of freedom, over 1/N + 1/M (Yurdakul & Naranjo 2020)."""
    rng = np.random.default_rng(0)
    first, second = rng.multinomial(20_000, [0.5, 0.3, 0.2]), rng.multinomial(10_000, [0.5, 0.3, 0.2])
    index, p_value = population_stability(first, second, permutations=20_000, rng=rng)
    assert p_value == pytest.approx(stats.chi2.sf(index / (1 / 20_000 + 1 / 10_000), df=2), abs=0.015)


TESTS: dict[str, Callable[[Points, Points, np.random.Generator], float]] = {
    "bonferroni": lambda a, b, _: smallest_p_value(kolmogorov_smirnov(a, b)[1], "bonferroni"),
    "simes": lambda a, b, _: smallest_p_value(kolmogorov_smirnov(a, b)[1], "benjamini_hochberg"),
    "discrepancy": lambda a, b, rng: maximum_mean_discrepancy(a, b, permutations=99, rng=rng)[1],
    "classifier": lambda a, b, rng: domain_classifier(a, b, rng=rng)[1],
    "classes": lambda a, b, rng: population_stability(
        *(np.bincount(side.argmax(axis=1), minlength=4) for side in (a, b)), permutations=99, rng=rng
    )[1],
}


@pytest.mark.parametrize("name", TESTS)
def test_a_plain_shift_is_found(name: str) -> None:
    """One dimension moved by two standard deviations, 60 samples each."""
    rng = np.random.default_rng(0)
    moved = rng.normal(size=(60, 4)) + np.array([2.0, 0, 0, 0])
    assert TESTS[name](rng.normal(size=(60, 4)), moved, rng) <= 0.02


ONE, RNG = np.ones((4, 2)), np.random.default_rng(0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: kolmogorov_smirnov(ONE, ONE[:0]), "at least 1 of each"),
        (lambda: kolmogorov_smirnov(ONE, ONE[:, :1]), r"current must be \(N, 2\)"),
        (lambda: kolmogorov_smirnov(ONE * np.nan, ONE), "reference has 4 rows with NaN"),
        (lambda: smallest_p_value([], "bonferroni"), "p_values is empty"),
        (lambda: maximum_mean_discrepancy(ONE, ONE[:1], rng=RNG), "at least 2 of each"),
        (lambda: maximum_mean_discrepancy(ONE, ONE, permutations=0, rng=RNG), "permutations must be at least 1"),
        (lambda: domain_classifier(ONE[:1], ONE, rng=RNG), "at least 2 of each"),
        (lambda: population_stability([1, 2], [1], rng=RNG), "the same classes"),
        (lambda: population_stability([0, 0], [1, 2], rng=RNG), "reference must be"),
        (lambda: population_stability([0.5, 1], [1, 2], rng=RNG), "whole numbers"),
        (lambda: population_stability([1], [1], permutations=0, rng=RNG), "permutations must be at least 1"),
    ],
)
def test_what_cannot_be_compared_is_refused(call: Callable[[], Any], message: str) -> None:
    """The message says which side, and what is wanted."""
    with pytest.raises(InvalidInput, match=message):
        call()
