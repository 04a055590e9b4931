"""Batches at random, likelier the higher the score: a top-k that does not take near-copies because all score alike."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional.checks import check_budget
from alframe.types import Positions

Noise: TypeAlias = Literal["power", "softmax", "rank"]


def stochastic_batch(
    scores: NDArray[Any],
    budget: int,
    *,
    noise: Noise = "power",
    temperature: float = 1.0,
    rng: np.random.Generator,
) -> Positions:
    """Draw without replacement, with chances that grow with the score, (N,) -> positions (K,), in the order drawn.

    Each draw is by the weights of those that are left (Plackett-Luce), all at once by adding Gumbel noise to the
    logarithms of the weights and taking the largest.

    >>> stochastic_batch(np.array([0.0, 2.0, 0.0]), 1, rng=np.random.default_rng(0)).tolist()
    [1]

    Args:
        scores: higher is more informative.
        budget: K.
        noise: what weighs: with ``power`` the score itself, so that scores of zero come last and are none of the
            batch's if others are left; with ``softmax`` its exponential, for scores on a scale of their own; with
            ``rank`` one over its rank, highest first, for scores of which only the order means something.
        temperature: the weights are raised to one over it: towards zero the highest scores alone, towards infinity
            a uniform draw.
        rng: the only source of randomness.

    Raises:
        InvalidInput: scores of another shape, with NaN or, under ``power``, negative ones; another noise; a temperature
            that is not positive and finite; a budget under one.
        PoolExhausted: a budget larger than N.

    Source: Kirsch et al., "Stochastic batch acquisition: a simple baseline for deep active learning", TMLR 2023, whose
    coldness beta is one over the temperature; Kool, van Hoof & Welling, "Stochastic beams and where to find them", ICML
    2019, for the Gumbel noise.
    """
    scores = np.asarray(scores, dtype=np.float64)
    if scores.ndim != 1 or not np.isfinite(scores).all():
        raise InvalidInput(f"scores must be (N,) finite numbers, got shape {scores.shape} with NaN or infinite values")
    if noise not in get_args(Noise):
        raise InvalidInput(f"noise must be one of {', '.join(get_args(Noise))}, got {noise!r}")
    if not 0 < temperature < np.inf:
        raise InvalidInput(f"temperature must be positive and finite, got {temperature}")
    budget = check_budget(budget, available=len(scores))
    gumbel = rng.gumbel(size=len(scores))
    perturbed = _log_weights(scores, noise) / temperature + gumbel
    # Weights of zero have the same logarithm, minus infinity: the noise alone tells them apart.
    order = np.lexsort((-gumbel, -perturbed))
    return order[:budget].astype(np.int64)


def _log_weights(scores: NDArray[np.float64], noise: Noise) -> NDArray[np.float64]:
    if noise == "softmax":
        return scores
    if noise == "rank":
        ranks = np.empty(len(scores))
        ranks[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1)
        return -np.log(ranks)
    if len(scores) and scores.min() < 0:
        raise InvalidInput(f"power noise needs scores of at least 0, got {scores.min():.4g}; use softmax or rank")
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(scores))
