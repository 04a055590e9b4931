from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from alframe.errors import InvalidInput
from alframe.functional import bootstrap_interval, predicted_power, samples_needed
from alframe.types import Floats


def mean_of(values: Floats, counts: Floats) -> Floats:
    means: Floats = counts @ values / len(values)
    return means


def test_the_interval_of_a_mean_is_scipys_own() -> None:
    """Counting how often a row is drawn is gathering the rows: with equal draws, equal intervals."""
    values = np.random.default_rng(0).normal(size=60)
    ours = bootstrap_interval(partial(mean_of, values), 60, resamples=999, rng=np.random.default_rng(1))
    # The same rows are drawn in the same order, in blocks that are larger than 999.
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=999, method="percentile", rng=np.random.default_rng(1), vectorized=True
    )
    assert ours.value == pytest.approx(values.mean())
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs.confidence_interval))
    assert ours.standard_error == pytest.approx(theirs.standard_error)


def test_blocks_change_nothing_but_the_draws() -> None:
    """Many samples, a few resamples at a time: the standard error is that of the mean."""
    values = np.random.default_rng(0).normal(size=30_000)
    found = bootstrap_interval(partial(mean_of, values), 30_000, resamples=400, rng=np.random.default_rng(1))
    assert found.standard_error == pytest.approx(stats.sem(values), rel=0.15)


@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_the_interval_covers_as_often_as_it_says(confidence: float) -> None:
    """Of 300 samples from a known distribution, within three standard errors of the coverage."""
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(300):
        values = rng.exponential(size=80)
        mean = partial(mean_of, values)
        found = bootstrap_interval(mean, 80, confidence=confidence, resamples=500, rng=rng)
        hits += found.low <= 1.0 <= found.high
    assert abs(hits / 300 - confidence) < 3 * math.sqrt(confidence * (1 - confidence) / 300) + 0.02


def test_what_some_resample_leaves_undefined_has_no_interval() -> None:
    """A mean over one sample of five, which a third of the resamples do not draw."""
    marked = np.array([1.0, 0, 0, 0, 0])

    def share(counts: Floats) -> Floats:
        return np.where(counts @ marked > 0, 1.0, np.nan)

    found = bootstrap_interval(share, 5, resamples=99, rng=np.random.default_rng(0))
    assert found.value == 1
    assert math.isnan(found.low)
    assert math.isnan(found.high)


@pytest.mark.parametrize("wrong", [{"count": 1}, {"resamples": 0}, {"confidence": 1.0}])
def test_what_cannot_be_drawn_is_refused(wrong: dict[str, float]) -> None:
    """One sample, no resample, certainty."""
    options: dict[str, float] = {"count": 5, "resamples": 10, "confidence": 0.9} | wrong
    count = int(options.pop("count"))
    with pytest.raises(InvalidInput):
        bootstrap_interval(lambda counts: counts.sum(axis=1), count, rng=np.random.default_rng(0), **options)  # type: ignore[arg-type]


@given(st.floats(0.001, 0.2), st.floats(0.001, 0.2), st.integers(10, 5000), st.floats(0.5, 0.99), st.floats(0.51, 0.99))
@settings(max_examples=50)
def test_so_many_samples_have_the_power_that_was_asked_for(
    difference: float, standard_error: float, count: int, confidence: float, power: float
) -> None:
    """The two formulas are inverse: the standard error of that many samples gives the power, of one less no more."""
    needed = samples_needed(difference, standard_error, count, confidence=confidence, power=power)
    assert needed is not None
    of = standard_error * math.sqrt(count / needed)
    assert predicted_power(difference, of, confidence) >= power - 1e-9
    if needed > 1:
        fewer = standard_error * math.sqrt(count / (needed - 1))
        assert predicted_power(difference, fewer, confidence) <= power + 1e-9


def test_no_number_of_samples_tells_nothing_from_nothing() -> None:
    """And a difference in the other direction needs as many."""
    assert samples_needed(0.0, 0.1, 100, confidence=0.95, power=0.8) is None
    up, down = (samples_needed(d, 0.1, 100, confidence=0.95, power=0.8) for d in (0.02, -0.02))
    assert up == down
