"""What scores say of the order of samples: the highest of one, and several made one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from alframe.errors import InvalidInput
from alframe.functional.checks import check_budget, check_points
from alframe.types import Positions


def highest(scores: NDArray[Any], budget: int) -> Positions:
    """Positions of the K highest scores, highest first, (N,) -> (K,); ties go to the lowest position.

    >>> highest(np.array([0.2, 0.9, 0.2, 0.4]), 3).tolist()
    [1, 3, 0]

    Raises:
        InvalidInput: scores that are not (N,), NaN, a budget under one.
        PoolExhausted: a budget larger than N.
    """
    scores = np.asarray(scores)
    if scores.ndim != 1 or np.isnan(scores).any():
        raise InvalidInput(f"scores must be (N,), one number per sample and none of them NaN, got shape {scores.shape}")
    last = len(scores) - check_budget(budget, available=len(scores))
    candidates = np.flatnonzero(scores >= np.partition(scores, last)[last])
    return candidates[np.argsort(-scores[candidates], kind="stable")[:budget]]


def rank_product(scores: NDArray[Any], strengths: ArrayLike) -> NDArray[np.float64]:
    """Product of each sample's ranks, each to the power of its strength, (S, N), (S,) -> (N,), in (0, 1].

    A score enters by the share of samples that it ranks no higher (equals share the mean of their ranks), so that
    neither units nor outliers count, and negative scores are welcome. A strength of zero leaves a score out.

    >>> rank_product(np.array([[0.1, 0.2, 0.9, 0.3], [40.0, 90.0, 70.0, -5.0]]), [1, 1]).tolist()
    [0.125, 0.5, 0.75, 0.1875]

    Raises:
        InvalidInput: scores that are not (S, N), NaN, not one strength for each, a negative strength.

    Source: Settles & Craven, "An analysis of active learning strategies for sequence labeling tasks", EMNLP 2008,
    who multiply the values themselves; by ranks, Breitling et al., "Rank products", FEBS Letters 2004.
    """
    scores = check_points(scores, "scores")
    powers = np.asarray(strengths, dtype=np.float64)
    if powers.shape != (len(scores),) or not np.isfinite(powers).all() or (powers < 0).any():
        raise InvalidInput(f"strengths must be {len(scores)} numbers that are not negative, got {powers.tolist()}")
    shares = rankdata(scores, axis=1) / max(scores.shape[1], 1)
    return np.asarray((shares ** powers[:, np.newaxis]).prod(axis=0))


def break_ties(scores: NDArray[Any], others: NDArray[Any]) -> NDArray[np.float64]:
    """Scores, raised where they are equal so that ``others`` order them, (N,), (N,) -> (N,).

    What is added is the share of samples that rank lower by ``others``, which is below 1, times the smallest difference
    between two scores, but at most 1: no score passes another one.

    >>> break_ties(np.array([0.0, 2.0, 0.0, 0.5]), np.array([9.0, 1.0, 7.0, 8.0])).tolist()
    [0.375, 2.0, 0.125, 0.75]

    Raises:
        InvalidInput: scores that are not (N,), NaN or infinite, or not as many of the others.
    """
    scores, others = np.asarray(scores, dtype=np.float64), np.asarray(others)
    if scores.ndim != 1 or scores.shape != others.shape:
        raise InvalidInput(f"both scores must be (N,), got shapes {scores.shape} and {others.shape}")
    if not np.isfinite(scores).all() or np.isnan(others).any():
        raise InvalidInput("scores to be ordered must be finite, and those that order them not NaN")
    gap = np.diff(np.unique(scores)).min(initial=1.0)
    lower = rankdata(others, method="min") - 1
    return np.asarray(scores + gap * lower / max(len(lower), 1))
