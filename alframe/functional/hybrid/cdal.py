"""Predictions that differ from all that were seen: k-centre selection among distributions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional.blocks import row_blocks
from alframe.functional.checks import check_budget, check_probs
from alframe.functional.greedy import largest
from alframe.types import Positions

BLOCK_ENTRIES = 1 << 19
"""Most float64 entries of one temporary: 4 MiB."""

SHORTLIST = 1024
"""How many of the largest stale divergences are brought up to date at once."""

AT_ONCE = 64
"""How many centres every sample meets at the start; the others it meets only when it comes to the surface."""


def cdal(probs: NDArray[Any], budget: int, center_probs: NDArray[Any] | None = None) -> Positions:
    """Choose the distribution farthest from all centres, K times, (N, C), (M, C) -> positions (K,), all distinct.

    Far is by the symmetric Kullback-Leibler divergence, to which the paper's contextual diversity comes down where an
    image is one region, as in classification. Each choice becomes a centre; ties go to the lowest position. Without
    centres (``None``, or M = 0) the first choice is the farthest from the mean distribution. A probability of zero
    counts as the smallest float.

    >>> cdal(np.array([[0.5, 0.5], [0.9, 0.1], [0.2, 0.8]]), 2, center_probs=np.array([[0.9, 0.1]])).tolist()
    [2, 0]

    Raises:
        InvalidInput: ``probs`` or centres are not probabilities of as many classes; a budget under one.
        PoolExhausted: a budget larger than N.

    Source: Agarwal et al., "Contextual diversity for active learning", ECCV 2020, its core-set form.
    """
    probs = check_probs(probs)
    budget = check_budget(budget, available=len(probs))
    positions: list[int] = []
    if center_probs is None or len(center_probs) == 0:
        mean = probs.mean(axis=0, dtype=np.float64, keepdims=True)
        positions.append(int(_nearest(probs, mean).argmax()))
        center_probs = probs[positions]
    center_probs = check_probs(center_probs)
    if center_probs.shape[1] != probs.shape[1]:
        raise InvalidInput(f"probs has {probs.shape[1]} classes and center_probs has {center_probs.shape[1]}")
    return _farthest_first(probs, budget, center_probs.astype(np.float64), positions)


def _farthest_first(probs: NDArray[Any], budget: int, centers: NDArray[np.float64], positions: list[int]) -> Positions:
    """``positions``, and those that follow: a divergence seen before is a bound, as more centres only lower it."""
    bounds = _nearest(probs, centers[:AT_ONCE])
    # Of two bounds the lower counts: what is chosen never comes back.
    bounds[positions] = -np.inf
    met = np.full(len(probs), min(AT_ONCE, len(centers)))
    while len(positions) < budget:
        listed, outside = largest(bounds, SHORTLIST)
        pending = centers[met[listed].min() :]
        if len(pending):
            bounds[listed] = np.minimum(bounds[listed], _nearest(probs[listed], pending))
            met[listed] = len(centers)
        rows, current = probs[listed], bounds[listed]
        chosen = []
        # All that are equal to the largest outside are inside, so what is larger is the largest of the whole pool.
        while len(positions) < budget and current.max() > outside:
            top = int(current.argmax())
            positions.append(int(listed[top]))
            chosen.append(top)
            current[top] = -np.inf
            np.minimum(current, _nearest(rows, rows[[top]].astype(np.float64)), out=current)
        bounds[listed] = current
        centers = np.vstack([centers, rows[chosen]])
        met[listed] = len(centers)
    return np.array(positions, dtype=np.int64)


def _nearest(probs: NDArray[Any], centers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Symmetric divergence (nats) from each row to the nearest centre, (N, C), (M, C) with M > 0 -> (N,)."""
    center_logs = _log(centers)
    own = np.einsum("mc,mc->m", centers, center_logs)
    nearest = np.empty(len(probs))
    for block in row_blocks(len(probs), max(centers.shape), BLOCK_ENTRIES):
        rows = probs[block].astype(np.float64)
        logs = _log(rows)
        which: NDArray[np.int64] | int = 0
        if len(centers) > 1:
            which = (own - rows @ center_logs.T - logs @ centers.T).argmin(axis=1)
        # Products only say which centre is nearest. Summed like this no term is negative, and equals are exactly zero.
        terms = (rows - centers[which]) * (logs - center_logs[which])
        nearest[block] = terms.sum(axis=1) / 2
    return nearest


def _log(probs: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.log(np.maximum(probs, np.finfo(np.float64).tiny)))
