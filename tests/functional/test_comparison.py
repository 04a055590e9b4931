"""Statistics over seeds, against scipy, hand-worked examples and simulations under the null."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from alframe.errors import InvalidInput
from alframe.functional.comparison import (
    adjusted_p_values,
    mean_and_half_width,
    paired_p_value,
    penalty_matrix,
)


def test_band_by_hand() -> None:
    """Of 1, 2, 3: mean 2, standard error 1 / sqrt(3), and t(0.975, 2) = 4.302653 from a printed table."""
    mean, half_width = mean_and_half_width([1.0, 2.0, 3.0])
    assert mean == pytest.approx(2)
    assert half_width == pytest.approx(4.302653 / np.sqrt(3), rel=1e-6)


def test_band_covers_the_truth_as_often_as_it_says() -> None:
    """Of 4000 intervals from five normal values, 95 % hold the true mean (within four standard errors)."""
    draws = np.random.default_rng(0).normal(size=(5, 4000))
    mean, half_width = mean_and_half_width(draws)
    assert abs((np.abs(mean) <= half_width).mean() - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 4000)


def test_one_seed_has_no_band() -> None:
    """The spread of a single run is unknown, not zero."""
    mean, half_width = mean_and_half_width([[0.5, 0.7]])
    assert mean.tolist() == [0.5, 0.7]
    assert np.isnan(half_width).all()


def test_paired_test_by_hand() -> None:
    """Differences 1, 2, 3 have t = 2 sqrt(3); with two degrees of freedom p = 1 - t / sqrt(2 + t^2)."""
    t = 2 * np.sqrt(3)
    assert paired_p_value([2.0, 4.0, 6.0], [1.0, 2.0, 3.0]) == pytest.approx(1 - t / np.sqrt(2 + t**2))


def test_paired_test_is_scipys() -> None:
    """On random pairs the p-value is the one of scipy.stats.ttest_rel, and does not depend on the order."""
    a, b = np.random.default_rng(1).normal(size=(2, 7))
    assert paired_p_value(a, b) == pytest.approx(stats.ttest_rel(a, b).pvalue)
    assert paired_p_value(a, b) == pytest.approx(paired_p_value(b, a))


def test_identical_pairs() -> None:
    """Strategies that did exactly the same are not different, and scipy's division by zero is not met."""
    assert paired_p_value([0.9, 0.8, 0.7], [0.9, 0.8, 0.7]) == 1


def test_the_same_difference_in_every_pair() -> None:
    """The t statistic is infinite, also where round-off makes the differences unequal in the last digit."""
    assert paired_p_value([0.3, 0.9, 0.7], [0.2, 0.8, 0.6]) == 0


@pytest.mark.parametrize("pairs", [0, 1])
def test_too_few_pairs(pairs: int) -> None:
    """Fewer than two pairs have no test."""
    assert paired_p_value([0.9] * pairs, [0.8] * pairs) is None


def test_false_positives_under_the_null() -> None:
    """Of 2000 comparisons of equal strategies, 5 % are called different (within four standard errors)."""
    a, b = np.random.default_rng(2).normal(size=(2, 2000, 5))
    p_values = [paired_p_value(x, y) for x, y in zip(a, b, strict=True)]
    share = np.mean([p_value is not None and p_value < 0.05 for p_value in p_values])
    assert abs(share - 0.05) < 4 * np.sqrt(0.05 * 0.95 / 2000)


def test_adjustment_by_hand() -> None:
    """Values 0.01, 0.02, 0.03, 0.5 times 4 / rank, then the running minimum from the largest."""
    assert adjusted_p_values([0.5, 0.01, 0.03, 0.02]) == pytest.approx([0.5, 0.04, 0.04, 0.04])


def test_adjustment_of_nothing() -> None:
    """No test, no p-value."""
    assert adjusted_p_values([]).shape == (0,)


def test_penalties_of_a_constructed_case() -> None:
    """Three strategies at four numbers of labels, wins known by construction.

    The first beats the second at three of four numbers of labels and is beaten by nobody; the third is level
    with the first everywhere (the same runs) and therefore beats the second at the same three.
    """
    seeds = np.array([0.00, 0.01, 0.02, 0.01, 0.00])[:, np.newaxis]
    jitter = np.array([0.002, -0.001, 0.001, -0.002, 0.0])[:, np.newaxis]
    first = seeds + np.array([0.5, 0.7, 0.8, 0.9])
    second = first + jitter - np.array([0.0, 0.1, 0.1, 0.1])
    matrix = penalty_matrix([first, second, first])
    assert matrix.tolist() == [[0, 0.75, 0], [0, 0, 0], [0, 0.75, 0]]


def test_penalty_uses_the_papers_critical_value() -> None:
    """With five seeds one strategy beats another exactly when t = sqrt(5) mean / deviation passes 2.776."""
    differences = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    deviation = differences.std(ddof=1)
    for t, entry in ((2.775, 0), (2.777, 1)):
        accuracy = np.zeros((2, 5, 1))
        accuracy[0, :, 0] = differences + t * deviation / np.sqrt(5)
        assert penalty_matrix(accuracy)[0, 1] == entry


def test_penalties_under_the_null() -> None:
    """Of equal strategies, row beats column at 2.5 % of the label counts (within four standard errors)."""
    matrix = penalty_matrix(np.random.default_rng(3).normal(size=(2, 5, 3000)))
    for entry in (matrix[0, 1], matrix[1, 0]):
        assert abs(entry - 0.025) < 4 * np.sqrt(0.025 * 0.975 / 3000)


def test_refusals() -> None:
    """Arguments that are no pairs, no probabilities, too few seeds, and NaN are refused with a reason."""
    with pytest.raises(InvalidInput, match="paired"):
        paired_p_value([1.0, 2.0], [1.0])
    with pytest.raises(InvalidInput, match="NaN"):
        paired_p_value([1.0, np.nan], [1.0, 2.0])
    with pytest.raises(InvalidInput, match=r"\[0, 1\]"):
        adjusted_p_values([0.5, 1.5])
    with pytest.raises(InvalidInput, match="R >= 2"):
        penalty_matrix(np.zeros((2, 1, 3)))
    with pytest.raises(InvalidInput, match="confidence"):
        mean_and_half_width([1.0, 2.0], confidence=95)
