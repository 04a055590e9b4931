"""Farthest-first choices that equal those of the plain float64 loop, and measure few of its distances.

The distance to the nearest centre only shrinks as centres come, so an old one is an upper bound. For every point there
is such a bound and the number of centres that it accounts for; even the first centres are applied to all points only
in part. Each round takes the few points with the largest bounds. The next bound, tau, limits all the others, so a
point of the few that exceeds tau once it is measured against every centre is the farthest of all: the round chooses
within the few, and keeps only them up to date, until the largest falls to tau.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.functional.coverage.bounds import ENTRIES, Distances, Rows
from alframe.types import Positions

FEW = 4096
"""Most points of a round."""

SWEPT = 160
"""How many of the first centres are applied to all points; the others only to points that surface."""

CHUNK = 384
"""How many more are applied to a point that surfaces before it is measured against every one."""

CHOSEN = -1.0
"""Below every squared distance, so that a chosen point stays the last choice when the radius reaches zero."""


def farthest_first(
    points: NDArray[Any], centers: NDArray[Any], budget: int, taken: Positions | None = None
) -> Positions:
    """The point farthest from all centres, which becomes a centre, K times, (N, D), (M, D) -> positions (K,).

    ``taken`` points are centres already, and no choice; M > 0.

    >>> farthest_first(np.array([[0.0], [1.0], [5.0]]), np.array([[0.0]]), 2).tolist()
    [2, 1]
    """
    # Labelled points come in any order, often class by class; the few that are swept are to be like all.
    spread = np.argsort(np.arange(len(centers)) % max(1, len(centers) // SWEPT), kind="stable")
    with np.errstate(over="ignore", invalid="ignore"):  # beyond float32 there is no bound, and that is right
        return _FarthestFirst(points, centers[spread], budget, taken).choose()


class _FarthestFirst:
    def __init__(self, points: NDArray[Any], centers: NDArray[Any], budget: int, taken: Positions | None) -> None:
        self._distances = Distances(points, centers, budget)
        self._budget = budget
        self._few = min(FEW, max(16, 2 * ENTRIES // points.shape[1]))
        self._chosen: list[int] = []
        swept = min(SWEPT, len(centers))
        self._bound = self._distances.upper_of_all(swept)
        self._seen = np.full(len(points), swept, dtype=np.int32)
        self._exact = np.zeros(len(points), dtype=np.bool_)
        if taken is not None:
            self._bound[taken] = CHOSEN

    def choose(self) -> Positions:
        while len(self._chosen) < self._budget:
            positions, tau, rival = self._largest()
            rows = self._distances.rows(positions)
            self._tighten(rows)
            rows = rows.take(np.flatnonzero(self._bound[positions] >= tau))
            self._settle(rows)
            self._choose_among(rows, tau, rival)
        return np.array(self._chosen, dtype=np.int64)

    def _largest(self) -> tuple[Positions, float, int]:
        """The points with the largest bounds, lowest positions first; the next bound and its lowest position."""
        bound, few = self._bound, self._few
        if len(bound) <= few:
            return np.arange(len(bound)), -np.inf, len(bound)
        tau = np.partition(bound, -few - 1)[-few - 1]
        above, level = np.flatnonzero(bound > tau), np.flatnonzero(bound == tau)
        room = few - len(above)
        return np.sort(np.concatenate([above, level[:room]])), float(tau), int(level[room])

    def _tighten(self, rows: Rows) -> None:
        """Lower the bounds of points that were never measured exactly by a chunk of the centres they have not seen."""
        for seen, band in self._bands(rows, ~self._exact[rows.positions]):
            stop = min(seen + CHUNK, self._distances.count)
            upper = self._distances.upper(rows.take(band), seen, stop)
            positions = rows.positions[band]
            self._bound[positions] = np.fmin(self._bound[positions], upper)
            self._seen[positions] = stop

    def _settle(self, rows: Rows) -> None:
        """Measure the points exactly, against the centres that came since they last were."""
        self._seen[rows.positions[~self._exact[rows.positions]]] = 0
        for seen, band in self._bands(rows, np.ones(len(rows.positions), dtype=np.bool_)):
            positions = rows.positions[band]
            nearest = self._distances.nearest(rows.take(band), seen, self._bound[positions])
            self._bound[positions] = np.minimum(self._bound[positions], nearest)
        self._seen[rows.positions] = self._distances.count
        self._exact[rows.positions] = True

    def _bands(self, rows: Rows, wanted: NDArray[np.bool_]) -> list[tuple[int, Positions]]:
        """The wanted rows that lag behind, by how many centres they have seen: one matrix product serves a band."""
        seen = self._seen[rows.positions]
        wanted = wanted & (seen < self._distances.count)
        return [(int(level), np.flatnonzero(wanted & (seen == level))) for level in np.unique(seen[wanted])]

    def _choose_among(self, rows: Rows, tau: float, rival: int) -> None:
        """Choose among points measured exactly while the farthest of them is the farthest of all."""
        values = self._bound[rows.positions]
        while len(self._chosen) < self._budget and len(values):
            best = int(values.argmax())
            position = int(rows.positions[best])
            if values[best] < tau or (values[best] == tau and position > rival):
                break
            if values[best] == 0:
                self._take_the_rest()
                break
            self._chosen.append(position)
            self._distances.add(best, rows)
            self._bound[position] = values[best] = CHOSEN
            values = np.minimum(values, self._distances.newest(rows, values))
        self._bound[rows.positions] = values
        self._seen[rows.positions] = self._distances.count

    def _take_the_rest(self) -> None:
        """Every point that is left lies on a centre: they follow in order of position."""
        left = np.flatnonzero(self._bound != CHOSEN)
        self._chosen.extend(left[: self._budget - len(self._chosen)].tolist())
