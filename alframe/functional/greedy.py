"""Greedy maximisation of monotone submodular functions, lazily: an old gain is an upper bound of the new one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.types import Positions

SHORTLIST = 4096
"""How many of the largest bounds are looked through for each choice; the others wait below them."""

BLOCK = 16
"""How many gains are brought up to date at once: enough for a matrix product, few that nobody asked for."""


def lazy_greedy(
    gains: NDArray[Any],
    budget: int,
    *,
    gains_of: Callable[[Positions], NDArray[Any]],
    choose: Callable[[int], None],
    block: int = BLOCK,
) -> Positions:
    """Choose the element of largest gain, K times, (N,) first gains -> positions (K,), all distinct.

    ``gains_of`` says what each of some positions would add to those chosen so far, and ``choose`` adds one. As no
    gain grows when more is chosen, only those whose old value is the largest are asked for again, ``block`` at a
    time. Ties go to the lowest position.

    >>> sets, covered = [{1, 2}, {2, 3, 4}, {4}], set()
    >>> lazy_greedy(
    ...     np.array([2, 3, 1]),
    ...     2,
    ...     gains_of=lambda positions: np.array([len(sets[p] - covered) for p in positions]),
    ...     choose=lambda position: covered.update(sets[position]),
    ... )
    array([1, 0])

    Source: Minoux, "Accelerated greedy algorithms for maximizing submodular set functions", 1978.
    """
    bounds = gains.astype(np.float64)
    known_at = np.zeros(len(bounds), dtype=np.int64)
    chosen: list[int] = []
    shortlist, outside = largest(bounds, SHORTLIST)
    while len(chosen) < budget:
        listed = bounds[shortlist]
        top = int(listed.argmax())
        if listed[top] <= outside:
            shortlist, outside = largest(bounds, SHORTLIST)
        elif known_at[shortlist[top]] < len(chosen):
            highest = shortlist[np.argpartition(-listed, block)[:block]] if len(listed) > block else shortlist
            stale = np.union1d(highest[known_at[highest] < len(chosen)], shortlist[top])
            stale = stale[bounds[stale] > -np.inf]
            bounds[stale] = gains_of(stale)
            known_at[stale] = len(chosen)
        else:
            position = int(shortlist[top])
            choose(position)
            chosen.append(position)
            bounds[position] = -np.inf
    return np.array(chosen, dtype=np.int64)


def largest(bounds: NDArray[np.float64], count: int) -> tuple[Positions, float]:
    """The positions of the largest bounds, ascending, and the largest bound outside, (N,) -> at least (count,).

    All that equal the last of them are inside; without any outside that bound is minus infinity.

    >>> largest(np.array([1.0, 3.0, 2.0, 2.0]), 2)
    (array([1, 2, 3]), 1.0)
    """
    if len(bounds) <= count:
        return np.arange(len(bounds), dtype=np.int64), -np.inf
    inside = bounds >= np.partition(bounds, len(bounds) - count)[len(bounds) - count]
    return np.flatnonzero(inside).astype(np.int64), float(bounds[~inside].max(initial=-np.inf))
