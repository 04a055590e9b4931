"""A share estimated while it is being counted: valid at every look, however often and whenever one looks."""

from __future__ import annotations

import numpy as np
from scipy import optimize, special

from alframe.errors import InvalidInput


def share_interval(successes: int, trials: int, level: float = 0.05) -> tuple[float, float]:
    """Where the probability of a success lies, -> (low, high), whenever one looks.

    The intervals of a growing count hold it all together, with probability ``1 - level`` at least. Their ends are where
    the mixture of all binomial likelihoods, with equal weights, is ``1 / level`` times the likelihood.

    Args:
        successes: how many so far.
        trials: out of how many.
        level: probability that any of the intervals of a growing count misses.

    Raises:
        InvalidInput: more successes than trials, a negative number, a level outside (0, 1).

    Source:
        Robbins, "Statistical methods related to the law of the iterated logarithm", Annals of Mathematical Statistics
        41, 1970; Howard et al., "Time-uniform, nonparametric, nonasymptotic confidence sequences", Annals of
        Statistics 49, 2021.

    Examples:
        >>> [round(end, 3) for end in share_interval(90, 100)]
        [0.772, 0.971]
    """
    failures = _failures(successes, trials)
    if not 0 < level < 1:
        raise InvalidInput(f"level must lie between 0 and 1, got {level}")
    bound = special.betaln(successes + 1, failures + 1) + np.log(level)

    def beyond(share: float) -> float:
        return float(bound - special.xlogy(successes, share) - special.xlog1py(failures, -share))

    tiny = np.finfo(np.float64).tiny
    likeliest = successes / trials if trials else 0.5
    low = 0.0 if successes == 0 else optimize.brentq(beyond, tiny, likeliest)
    high = 1.0 if failures == 0 else optimize.brentq(beyond, likeliest, 1 - np.finfo(np.float64).eps)
    return float(low), float(high)


def evidence_below(successes: int, trials: int, least: float) -> float:
    """How much speaks for a probability of success below ``least``: 1 for nothing, infinite where it is certain.

    A mixture of the likelihoods of all shares below ``least``, with equal weights, over that of ``least`` itself.
    Whoever stops when it first reaches ``1 / level`` is wrong with probability ``level`` at most (Ville's inequality),
    also where the probability changes from trial to trial, as long as it never fell below ``least``.

    Args:
        successes: how many so far.
        trials: out of how many.
        least: the share that is asked for, in [0, 1].

    Raises:
        InvalidInput: more successes than trials, a negative number, a share outside [0, 1].

    Source:
        Robbins, "Statistical methods related to the law of the iterated logarithm", Annals of Mathematical Statistics
        41, 1970.

    Examples:
        >>> round(evidence_below(8, 10, least=0.95), 2), round(evidence_below(80, 100, least=0.95))
        (1.26, 123457)
    """
    failures = _failures(successes, trials)
    if not 0 <= least <= 1:
        raise InvalidInput(f"least must lie in [0, 1], got {least}")
    if least == 0:
        return 1.0
    mixture = special.betaln(successes + 1, failures + 1) + _log_below(successes + 1, failures + 1, least)
    likelihood = special.xlogy(successes + 1, least) + special.xlog1py(failures, -least)
    with np.errstate(over="ignore"):
        return float(np.exp(mixture - likelihood))


def _log_below(first: int, second: int, share: float) -> float:
    """Log-probability that a beta variable lies below ``share``."""
    with np.errstate(divide="ignore"):
        return float(np.log(special.betainc(first, second, share)))


def _failures(successes: int, trials: int) -> int:
    if not 0 <= successes <= trials:
        raise InvalidInput(f"successes must lie between 0 and the number of trials, got {successes} of {trials}")
    return trials - successes
