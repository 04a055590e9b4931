"""What a figure of few samples says: its bootstrap interval, how many samples would tell, and with what power."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import numpy as np
from scipy import stats

from alframe.errors import InvalidInput
from alframe.functional.blocks import BLOCK_ENTRIES
from alframe.types import Estimate, Floats


def bootstrap_interval(
    statistic: Callable[[Floats], Floats],
    count: int,
    *,
    confidence: float = 0.95,
    resamples: int = 9999,
    rng: np.random.Generator,
) -> Estimate:
    """A statistic of N samples, and the percentile interval of it over samples drawn from these with replacement.

    The statistic is a function of how often each sample is drawn, so that one that compares two learners on the same
    samples is paired, and all resamples of a block are computed at once. The percentile interval is chosen over BCa,
    whose correction needs the statistic without each sample in turn: differences of two learners are nearly symmetric.

    Args:
        statistic: (B, N) counts -> (B,).
        count: N, at least 2.
        confidence: coverage of the interval, two-sided, in (0, 1).
        resamples: how many.
        rng: draws them.

    Returns:
        The statistic of the samples as they are; ``low`` and ``high`` are NaN if it is NaN for some resample.

    Raises:
        InvalidInput: fewer than 2 samples or 1 resample, a confidence outside (0, 1).

    Source:
        Efron & Tibshirani, "An introduction to the bootstrap", 1993, chapter 13.

    Example:
        >>> gains = np.repeat([0.0, 1.0, -1.0], [80, 15, 5])
        >>> def mean(counts):
        ...     return counts @ gains / counts.sum(axis=1)
        >>> found = bootstrap_interval(mean, len(gains), rng=np.random.default_rng(0))
        >>> round(found.value, 2), round(found.low, 2), round(found.high, 2), round(found.standard_error, 3)
        (0.1, 0.02, 0.19, 0.043)
    """
    if count < 2 or resamples < 1:
        raise InvalidInput(f"a bootstrap needs 2 samples and 1 resample, got {count} and {resamples}")
    if not 0 < confidence < 1:
        raise InvalidInput(f"confidence must lie between 0 and 1, got {confidence}")

    def of_rows(rows: Floats, axis: int = -1) -> Floats:  # noqa: ARG001 (SciPy's signature: the last one)
        drawn = np.atleast_2d(rows)
        places = drawn + count * np.arange(len(drawn))[:, np.newaxis]
        counts = np.bincount(places.ravel(), minlength=drawn.size).reshape(len(drawn), count)
        return statistic(counts.astype(np.float64)).reshape(rows.shape[:-1])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)  # the ends are NaN then, which says the same
        found = stats.bootstrap(
            (np.arange(count),),
            of_rows,
            vectorized=True,
            method="percentile",
            confidence_level=confidence,
            n_resamples=resamples,
            batch=max(1, 8 * BLOCK_ENTRIES // count),
            rng=rng,
        )
    interval = found.confidence_interval
    value = float(statistic(np.ones((1, count)))[0])
    return Estimate(value, float(interval.low), float(interval.high), float(found.standard_error))


def samples_needed(
    difference: float, standard_error: float, count: int, *, confidence: float, power: float
) -> int | None:
    """How many samples would tell a difference from none, if it is what ``count`` samples have it seem; by estimate.

    The standard error falls with the root of the number of samples. So many are needed that the interval excludes zero
    in the share ``power`` of all such comparisons, n (z((1 + confidence) / 2) + z(power))^2 (standard_error / d)^2.
    The difference is itself an estimate, and so is this: good for the order of magnitude.

    Args:
        difference: as it was found.
        standard_error: of it.
        count: n, of the samples it was found on.
        confidence: of the two-sided interval, in (0, 1).
        power: in (0, 1).

    Returns:
        ``None`` if there is no difference: no number of samples tells it from none.

    Source:
        Lachenbruch, "On the sample size for studies based upon McNemar's test", Stat. Med. 11, 1992, for shares.

    Example:
        >>> samples_needed(0.01, standard_error=0.01, count=500, confidence=0.95, power=0.8)
        3925
    """
    if difference == 0:
        return None
    quantiles = float(stats.norm.ppf((1 + confidence) / 2) + stats.norm.ppf(power))
    return math.ceil(count * (quantiles * standard_error / difference) ** 2)


def predicted_power(difference: float, standard_error: float, confidence: float = 0.95) -> float:
    """How probable it is that the two-sided interval of a true difference lies above zero, by normal theory, in [0, 1].

    >>> round(predicted_power(0.02, standard_error=0.01), 3)
    0.516
    >>> round(predicted_power(0.0, standard_error=0.01), 3)
    0.025
    """
    return float(stats.norm.cdf(difference / standard_error - stats.norm.ppf((1 + confidence) / 2)))
