"""A share that is looked at again and again: errors over all looks, exactly, by following every path of counts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import integrate

from alframe.errors import InvalidInput
from alframe.functional import evidence_below, share_interval

LOOKS = 150


def ever(share: Callable[[int], float], happens: Callable[[int, int], bool]) -> float:
    """Probability that ``happens(successes, trials)`` at one of the looks, where trial t succeeds with ``share(t)``."""
    alive = np.zeros(LOOKS + 1)
    alive[0] = 1.0
    total = 0.0
    for trials in range(1, LOOKS + 1):
        chance = share(trials)
        alive[1:] = alive[1:] * (1 - chance) + alive[:-1] * chance
        alive[0] *= 1 - chance
        for successes in np.flatnonzero(alive[: trials + 1]):
            if happens(int(successes), trials):
                total += alive[successes]
                alive[successes] = 0.0
    return total


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_all_intervals_together_miss_seldom(share: float) -> None:
    """Robbins 1970: at most 5 % of all paths ever see an interval without the true share."""

    def misses(successes: int, trials: int) -> bool:
        low, high = share_interval(successes, trials)
        return not low <= share <= high

    assert 0 < ever(lambda _: share, misses) <= 0.05


def test_an_interval_of_one_look_would_miss_often() -> None:
    """What the correction is for: 1.96 standard errors, looked at each time, miss far more than 5 %."""

    def misses(successes: int, trials: int) -> bool:
        return bool(abs(successes / trials - 0.5) > 1.96 * np.sqrt(0.25 / trials))

    assert ever(lambda _: 0.5, misses) > 0.3


@pytest.mark.parametrize("share", [lambda _: 0.9, lambda _: 0.95, lambda trial: 0.9 + 0.1 * (trial % 2)])
def test_what_is_good_enough_is_seldom_accused(share: Callable[[int], float]) -> None:
    """Ville's inequality, also where the share changes: evidence of 20 against what never fell below is rare."""
    assert ever(share, lambda successes, trials: evidence_below(successes, trials, 0.9) >= 20) <= 0.05


def test_what_is_too_bad_is_found() -> None:
    """Every path below the line is found out in the end."""
    found = ever(lambda _: 0.7, lambda successes, trials: evidence_below(successes, trials, 0.9) >= 20)
    assert found > 0.99


@pytest.mark.parametrize(("successes", "trials"), [(0, 0), (3, 3), (7, 10), (0, 4), (40, 50)])
@pytest.mark.parametrize("least", [0.3, 0.95])
def test_the_evidence_is_a_mean_of_likelihood_ratios(successes: int, trials: int, least: float) -> None:
    """Reference: the integral over all shares below, by quadrature."""

    def ratio(share: float) -> float:
        wrong = trials - successes
        return float((share / least) ** successes * ((1 - share) / (1 - least)) ** wrong)

    mean = integrate.quad(ratio, 0, least)[0] / least
    assert evidence_below(successes, trials, least) == pytest.approx(mean, rel=1e-6)


def test_a_share_of_one_allows_no_mistake() -> None:
    assert evidence_below(99, 100, 1.0) == np.inf
    assert evidence_below(100, 100, 1.0) < 1
    assert evidence_below(0, 100, 0.0) == 1.0


@pytest.mark.parametrize(("successes", "trials"), [(0, 0), (0, 9), (9, 9), (1, 10**6), (10**6 - 1, 10**6)])
def test_intervals_hold_what_was_seen(successes: int, trials: int) -> None:
    low, high = share_interval(successes, trials)
    assert 0 <= low <= (successes / trials if trials else 0.5) <= high <= 1


@pytest.mark.parametrize(("successes", "trials"), [(2, 1), (-1, 1), (0, -1)])
def test_impossible_counts_are_refused(successes: int, trials: int) -> None:
    with pytest.raises(InvalidInput, match="between 0 and the number of trials"):
        share_interval(successes, trials)
    with pytest.raises(InvalidInput, match="between 0 and the number of trials"):
        evidence_below(successes, trials, 0.5)


def test_shares_and_levels_lie_between_zero_and_one() -> None:
    with pytest.raises(InvalidInput, match="level must lie"):
        share_interval(1, 2, level=1.0)
    with pytest.raises(InvalidInput, match="least must lie"):
        evidence_below(1, 2, least=float("nan"))
