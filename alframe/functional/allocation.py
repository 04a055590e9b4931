"""What a batch is spent on: turns for classes that are short of labels, and labels that the money reaches for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alframe.errors import InvalidInput, PoolExhausted
from alframe.functional.checks import check_budget
from alframe.types import Positions

ROUNDING = 1e-9
"""The share of a limit by which a sum of costs may exceed it: 0.1 + 0.2 fits into 0.3."""

NEGLIGIBLE = 1e-12
"""What a target of zero counts as beside the largest: such classes come last, and evenly."""


def balanced_classes(
    counts: NDArray[np.int64], available: NDArray[np.int64], budget: int, target: ArrayLike | None = None
) -> NDArray[np.int64]:
    """Give each of K turns to the class that is most short of samples, (C,), (C,) -> classes (K,), in order.

    The turn is that of the class with the least (samples + 1/2) / target. Of all ways to share out K turns, this leaves
    the counts at the least chi-squared distance from what is proportional to ``target``; what a class has too few
    candidates for goes to the others, to those without a target last. Ties go to the lowest class.

    Args:
        counts: (C,) samples that each class has.
        available: (C,) candidates that there are of each.
        budget: K.
        target: (C,) what the counts should be proportional to; ``None`` for as many of each.

    Raises:
        InvalidInput: other shapes, negative numbers, targets that are all zero, a budget under one.
        PoolExhausted: a budget larger than what is available.

    Source: Sainte-Lague, "La representation proportionnelle et la methode des moindres carres", 1910; for active
    learning, Bengar et al., "Class-balanced active learning for image classification", WACV 2022.

    Example:
        >>> balanced_classes(np.array([3, 1, 0]), np.array([9, 9, 1]), budget=4).tolist()
        [2, 1, 1, 0]
    """
    counts, available = np.asarray(counts), np.asarray(available)
    shares = np.asarray(np.ones(len(counts)) if target is None else target, dtype=np.float64)
    if not counts.ndim == 1 or not counts.shape == available.shape == shares.shape:
        raise InvalidInput(
            "counts, available and target must all be (C,), one number per class; "
            f"got shapes {counts.shape}, {available.shape} and {shares.shape}"
        )
    if min(counts.min(initial=0), available.min(initial=0)) < 0:
        raise InvalidInput(f"counts cannot be negative, got {counts.tolist()} and {available.tolist()} available")
    if not np.isfinite(shares).all() or shares.min(initial=0) < 0 or shares.sum() <= 0:
        raise InvalidInput(f"target must hold shares that are not negative nor all zero, got {shares.tolist()}")
    budget = check_budget(budget, available=int(available.sum()))

    shares = np.maximum(shares, NEGLIGIBLE * shares.max())
    reached, left = counts + 0.5, available.copy()
    classes = np.empty(budget, dtype=np.int64)
    for turn in range(budget):
        classes[turn] = shortest = np.where(left > 0, reached / shares, np.inf).argmin()
        reached[shortest] += 1
        left[shortest] -= 1
    return classes


def score_per_cost(scores: NDArray[Any], costs: NDArray[Any], exponent: float = 1.0) -> NDArray[np.float64]:
    """Scores divided by costs to the power ``exponent``, (N,), (N,) -> (N,).

    An exponent of zero leaves costs out of it; the larger it is, the more cheap labels are preferred.

    >>> score_per_cost(np.array([1.0, 3.0]), np.array([1.0, 4.0])).tolist()
    [1.0, 0.75]

    Raises:
        InvalidInput: other shapes, NaN, a negative score (dear labels would improve it), a cost that is not positive.

    Source: Haertel et al., "Return on investment for active learning", NIPS workshop on cost-sensitive learning, 2008.
    """
    scores, costs = np.asarray(scores, dtype=np.float64), np.asarray(costs, dtype=np.float64)
    if scores.ndim != 1 or scores.shape != costs.shape:
        raise InvalidInput(f"scores and costs must both be (N,), got shapes {scores.shape} and {costs.shape}")
    if not np.isfinite(scores).all() or scores.min(initial=0) < 0:
        raise InvalidInput("a score per cost needs finite scores that are not negative; choose another scorer")
    if not np.isfinite(costs).all() or (costs <= 0).any():
        raise InvalidInput("a score per cost needs costs that are finite and larger than zero")
    return np.asarray(scores / costs**exponent)


def affordable(costs: NDArray[Any], limit: float, budget: int) -> Positions:
    """Take what can still be paid for, in the order given, until K are taken, (N,) -> positions, ascending.

    With samples ordered by score per cost, what is taken is worth at most one sample's score less than the best batch
    that ``limit`` could buy, as long as K does not cut it short.

    >>> affordable(np.array([2.0, 5.0, 1.0, 1.0]), limit=4.0, budget=3).tolist()
    [0, 2, 3]

    Raises:
        PoolExhausted: not even the cheapest can be paid for.

    Source: Dantzig, "Discrete-variable extremum problems", 1957.
    """
    positions: list[int] = []
    left = limit * (1 + ROUNDING)
    for position, cost in enumerate(costs.tolist()):
        if len(positions) == budget:
            break
        if cost <= left:
            positions.append(position)
            left -= cost
    if not positions:
        raise PoolExhausted(
            f"cannot pay for a single label with {limit:g}: the cheapest costs {costs.min(initial=np.inf):g}; "
            "raise the cost budget or grow the pool"
        )
    return np.array(positions, dtype=np.int64)
