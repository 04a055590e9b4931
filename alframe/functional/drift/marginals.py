"""Dimension by dimension: Kolmogorov-Smirnov tests, and one p-value for all of them."""

from __future__ import annotations

import warnings
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from alframe.errors import InvalidInput
from alframe.functional.checks import check_sides
from alframe.functional.comparison import adjusted_p_values

Correction = Literal["bonferroni", "benjamini_hochberg"]


def kolmogorov_smirnov(
    reference: NDArray[Any], current: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two-sample Kolmogorov-Smirnov test of each dimension, (N, D), (M, D) -> statistics (D,), p-values (D,).

    A statistic is the largest difference between the two shares of samples below a value. P-values are exact for up to
    10,000 samples a side, and conservative where values are tied.

    >>> reference, current = np.array([[0.0, 3.0], [1.0, 1.0], [2.0, 2.0]]), np.array([[5.0, 2.0], [6.0, 3.0]])
    >>> [values.round(2).tolist() for values in kolmogorov_smirnov(reference, current)]
    [[1.0, 0.33], [0.2, 1.0]]

    Raises:
        InvalidInput: another shape or a NaN; no sample on one side.

    Source: Smirnov, "Estimate of deviation between empirical distribution functions in two independent samples",
    Bulletin Moscow University 2, 1939; for drift, Rabanser, Guennemann & Lipton, "Failing loudly", NeurIPS 2019.
    """
    reference, current = check_sides(reference, current, least=1)
    with warnings.catch_warnings():
        # Where rounding lifts an exact p-value above one, SciPy says that it takes the asymptotic one.
        warnings.filterwarnings("ignore", "ks_2samp: Exact calculation unsuccessful", RuntimeWarning)
        found = stats.ks_2samp(reference.astype(np.float64), current.astype(np.float64), axis=0)
    return np.asarray(found.statistic), np.asarray(found.pvalue)


def smallest_p_value(p_values: ArrayLike, correction: Correction) -> float:
    """One p-value that none of D tests finds anything, (D,) -> p in [0, 1]: the smallest after correction.

    Bonferroni's holds whatever the dependence. Benjamini and Hochberg's smallest is Simes' test: it needs less where
    many dimensions move a little, and holds for independent tests and for those that depend positively.

    >>> smallest_p_value([0.01, 0.5, 0.02, 0.03], "bonferroni")
    0.04
    >>> smallest_p_value([0.02, 0.5, 0.02, 0.04], "benjamini_hochberg")
    0.04

    Raises:
        InvalidInput: no value, another shape, a value outside [0, 1].

    Source: Simes, "An improved Bonferroni procedure for multiple tests of significance", Biometrika 73, 1986.
    """
    adjusted = adjusted_p_values(p_values)
    if len(adjusted) == 0:
        raise InvalidInput("p_values is empty: give one for each test")
    if correction == "benjamini_hochberg":
        return float(adjusted.min())
    return min(1.0, len(adjusted) * float(np.min(p_values)))
