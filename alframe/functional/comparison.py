"""Are two strategies different, or was it the seed? Paired tests, bands and the penalty matrix."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from alframe.errors import InvalidInput

ROUND_OFF = 1e-12
"""Differences closer than this, relative to the values, are equal: subtraction alone makes as much."""


def mean_and_half_width(values: ArrayLike, confidence: float = 0.95) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean over seeds and half the width of its Student t confidence interval, (R, ...) -> (...), (...).

    The half width is NaN where there is one seed: one run says nothing of the spread. The interval holds for
    each number of labels by itself, not for the whole curve at once.

    Args:
        values: (R, ...) one row per seed.
        confidence: the interval's coverage, in (0, 1).

    Raises:
        InvalidInput: no row, a NaN, a confidence outside (0, 1).

    Example:
        >>> mean, half_width = mean_and_half_width([[0.90], [0.92], [0.94]])
        >>> round(float(mean[0]), 4), round(float(half_width[0]), 4)
        (0.92, 0.0497)
    """
    rows = _check_finite(values, "values")
    if rows.ndim < 1 or len(rows) == 0:
        raise InvalidInput("values must have one row per seed, got none")
    if not 0 < confidence < 1:
        raise InvalidInput(f"confidence must lie between 0 and 1, got {confidence}")
    mean = rows.mean(axis=0)
    if len(rows) == 1:
        return mean, np.full_like(mean, np.nan)
    quantile = stats.t.ppf((1 + confidence) / 2, df=len(rows) - 1)
    return mean, np.asarray(quantile * stats.sem(rows, axis=0), dtype=np.float64)


def paired_p_value(first: ArrayLike, second: ArrayLike) -> float | None:
    """Two-sided p-value of a paired t-test that two strategies do equally well over R seeds, (R,), (R,) -> p.

    The t-test is chosen over Wilcoxon's signed-rank test because runs are few: with five seeds the smallest
    p-value that Wilcoxon can give is 2 / 2^5 = 0.0625, so it could never find anything at 5 %. The price is
    the assumption that differences are about normal, which is mild for accuracies and for areas, both means
    over many samples.

    Returns:
        The p-value; 1 for identical pairs; 0 for differences that are all the same and not zero, where t is
        infinite; ``None`` for fewer than two pairs, which no test can tell apart.

    Raises:
        InvalidInput: arguments that are not pairs, a NaN.

    Example:
        >>> round(paired_p_value([0.90, 0.91, 0.93], [0.85, 0.88, 0.87]), 4)
        0.0339
        >>> paired_p_value([0.9], [0.8]) is None
        True
    """
    a, b = _check_finite(first, "first"), _check_finite(second, "second")
    if a.ndim != 1 or a.shape != b.shape:
        raise InvalidInput(f"a paired test needs two (R,) arrays, got shapes {a.shape} and {b.shape}")
    if len(a) < 2:
        return None
    differences = a - b
    scale = max(np.abs(a).max(), np.abs(b).max())
    if np.ptp(differences) <= ROUND_OFF * scale:
        return 1.0 if np.abs(differences).max() <= ROUND_OFF * scale else 0.0
    return float(stats.ttest_rel(a, b).pvalue)


def adjusted_p_values(p_values: ArrayLike) -> NDArray[np.float64]:
    """P-values adjusted for having made P tests, by the false discovery rate, (P,) -> (P,).

    The procedure is Benjamini and Hochberg's. Calling those at or below q different makes the expected share
    of false findings at most q. The tests of all pairs of strategies share runs and are dependent; Williams,
    Jones and Tukey (1999) find that the procedure keeps its rate for pairwise comparisons.

    Raises:
        InvalidInput: another shape, a value outside [0, 1].

    Source:
        Benjamini and Hochberg, "Controlling the false discovery rate", J. R. Stat. Soc. B 57, 1995.

    Example:
        >>> adjusted_p_values([0.01, 0.04, 0.03]).tolist()
        [0.03, 0.04, 0.04]
    """
    values = _check_finite(p_values, "p_values")
    if values.ndim != 1 or (values < 0).any() or (values > 1).any():
        raise InvalidInput(f"p_values must be (P,) values in [0, 1], got {values.tolist()}")
    if len(values) == 0:
        return values
    return np.asarray(stats.false_discovery_control(values, method="bh"), dtype=np.float64)


def penalty_matrix(accuracy: ArrayLike, level: float = 0.05) -> NDArray[np.float64]:
    """Share of the numbers of labels at which row strategy beats column strategy, (S, R, L) -> (S, S).

    At each of the L numbers of labels, strategies i and j are compared by a two-sided paired t-test over the
    R seeds. If i is significantly more accurate, 1/L is added to entry (i, j); if j is, to entry (j, i);
    otherwise to neither. Read along a row: how often that strategy beats each other one. Read down a column:
    how often that strategy is beaten, its penalties; the lower a column's mean, the better the strategy.

    The paper sums such matrices over data sets, batch sizes and architectures, and takes numbers of labels
    that double until random choice is at 99 % of its final accuracy; here the caller chooses the numbers of
    labels. The tests are not corrected for being many, as in the paper: of identical strategies each is
    expected to beat the other at half of ``level``.

    Args:
        accuracy: (S, R, L) of each strategy with each seed at each number of labels; higher is better.
        level: of each test.

    Raises:
        InvalidInput: another shape, fewer than two seeds, a NaN.

    Source:
        Ash, Zhang, Krishnamurthy, Langford and Agarwal, "Deep batch active learning by diverse, uncertain
        gradient lower bounds", ICLR 2020, section 4.

    Example:
        >>> better = [[0.50, 0.90], [0.54, 0.92], [0.52, 0.94]]
        >>> worse = [[0.54, 0.80], [0.50, 0.81], [0.52, 0.85]]
        >>> penalty_matrix([better, worse]).tolist()
        [[0.0, 0.5], [0.0, 0.0]]
    """
    values = _check_finite(accuracy, "accuracy")
    if values.ndim != 3 or values.shape[1] < 2 or values.shape[2] < 1:
        raise InvalidInput(f"accuracy must be (S, R, L) with R >= 2 and L >= 1, got shape {values.shape}")
    strategies, _, counts = values.shape
    penalties = np.zeros((strategies, strategies), dtype=np.float64)
    for i, j in combinations(range(strategies), 2):
        for first, second in zip(values[i].T, values[j].T, strict=True):
            p_value = paired_p_value(first, second)
            if p_value is not None and p_value < level:
                winner, loser = (i, j) if first.mean() > second.mean() else (j, i)
                penalties[winner, loser] += 1
    return np.asarray(penalties / counts, dtype=np.float64)


def _check_finite(values: ArrayLike, name: str) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if not np.isfinite(array).all():
        raise InvalidInput(f"{name} must be finite, got {np.count_nonzero(~np.isfinite(array))} NaN or infinite values")
    return array
