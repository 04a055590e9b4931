"""Squared distances to a growing list of centres: bounded by float32 products, settled by float64 differences.

|x - c|^2 = |x|^2 + |c|^2 - 2 x.c costs one matrix product, and loses digits. How many is known: a sum of D products
of float32 numbers is off by at most D units in the last place of the sum of their magnitudes, and so the expansion by
at most ``band`` times |x|^2 + |c|^2. Points are centred first, or that sum would dwarf the distance. What the band
cannot tell apart is measured again, as the definition says: subtract, square and add, in float64. Values beyond the
range of float32 only widen the band to everything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.functional.blocks import blocks, on_all_cores
from alframe.functional.geometry.gram import rounding_of_products
from alframe.types import Positions

ENTRIES = 1 << 20
"""Most entries that one temporary matrix may hold: 4 MiB in float32."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Some of the points, centred and in float32: (R, D), with their positions and squared norms, (R,)."""

    positions: Positions
    centred: NDArray[np.float32]
    squares: NDArray[np.float64]

    def take(self, which: slice | Positions) -> Rows:
        """The rows at ``which``."""
        return Rows(self.positions[which], self.centred[which], self.squares[which])


class Distances:
    """Squared distances from ``points`` to ``centers`` and to the points that ``add`` makes centres after them."""

    def __init__(self, points: NDArray[Any], centers: NDArray[Any], capacity: int) -> None:
        self.count = len(centers)
        width = points.shape[1]
        self._band = rounding_of_products(width)
        self._underflow = width * 2.0**-122
        self._points, self._centers = points, centers
        sample = points[:: max(1, len(points) // 1024)]
        self._shift = sample.mean(axis=0, dtype=np.float64).astype(np.result_type(points, np.float32))
        self._added = np.empty(capacity, dtype=np.int64)
        self._centred = np.empty((self.count + capacity, width), dtype=np.float32)
        self._centred[: self.count] = self._centre(centers)
        self._squares = np.empty(self.count + capacity)
        self._squares[: self.count] = _squared_norms(self._centred[: self.count])

    def rows(self, which: slice | Positions) -> Rows:
        """The points of a slice or at positions, ready to be measured."""
        centred = self._centre(self._points[which])
        positions = np.arange(*which.indices(len(self._points))) if isinstance(which, slice) else which
        return Rows(positions, centred, _squared_norms(centred))

    def add(self, row: int, rows: Rows) -> None:
        """Make one of ``rows`` a centre."""
        self._added[self.count - len(self._centers)] = rows.positions[row]
        self._centred[self.count] = rows.centred[row]
        self._squares[self.count] = rows.squares[row]
        self.count += 1

    def upper(self, rows: Rows, start: int, stop: int) -> NDArray[np.float64]:
        """No less than the squared distance from each row to the nearest of the centres ``start`` to ``stop``, (R,)."""
        products = rows.centred @ (-2 * self._centred[start:stop]).T
        products += ((1 + self._band) * self._squares[start:stop]).astype(np.float32)
        upper = (1 + self._band) * rows.squares + products.min(axis=1) + self._underflow
        return np.asarray(np.fmin(np.inf, upper))  # NaN, where float32 is left behind, bounds nothing

    def upper_of_all(self, stop: int) -> NDArray[np.float64]:
        """``upper`` of all points and the first ``stop`` centres, (N,)."""

        def upper(block: slice) -> NDArray[np.float64]:
            with np.errstate(over="ignore", invalid="ignore"):  # a thread begins without the caller's
                return self.upper(self.rows(block), 0, stop)

        parts = blocks(len(self._points), ENTRIES // 2 // max(self._points.shape[1], stop))
        return np.concatenate(on_all_cores(upper, parts))

    def nearest(self, rows: Rows, start: int, bound: NDArray[np.float64]) -> NDArray[np.float64]:
        """Squared distance, exact, from each row to the nearest centre from ``start`` on, (R,).

        Infinite where all these centres are farther away than the row's ``bound``.
        """
        parts = blocks(len(bound), ENTRIES // (self.count - start))
        return np.concatenate([self._nearest(rows.take(part), start, bound[part]) for part in parts])

    def newest(self, rows: Rows, bound: NDArray[np.float64]) -> NDArray[np.float64]:
        """``nearest`` from the centre that was added last."""
        last = self.count - 1
        products = rows.centred @ (-2 * self._centred[last])
        lower = products + (1 - self._band) * (rows.squares + self._squares[last]) - self._underflow
        near = np.flatnonzero(~(lower > bound))
        return self._exact(rows, near, np.full(len(near), last))

    def _nearest(self, rows: Rows, start: int, bound: NDArray[np.float64]) -> NDArray[np.float64]:
        squares = self._squares[start : self.count]
        products = (-2 * rows.centred) @ self._centred[start : self.count].T
        products += ((1 - self._band) * squares).astype(np.float32)
        best = products.argmin(axis=1)
        # From the lower bound of that pair to its upper bound it is twice the band.
        base = (1 - self._band) * rows.squares - self._underflow
        twice = 2 * (self._band * (rows.squares + squares[best]) + self._underflow)
        reach = np.fmin(bound - base, products[np.arange(len(best)), best] + twice)
        limit = np.nextafter(reach.astype(np.float32), np.float32(np.inf))
        row, center = np.nonzero(~(products > limit[:, np.newaxis]))
        return self._exact(rows, row, start + center)

    def _exact(self, rows: Rows, row: Positions, center: Positions) -> NDArray[np.float64]:
        """The smallest of the squared distances between ``row`` and ``center``, pair by pair, for each of ``rows``."""
        nearest = np.full(len(rows.positions), np.inf)
        for pairs in blocks(len(row), ENTRIES // self._points.shape[1]):
            difference = self._points[rows.positions[row[pairs]]].astype(np.float64)
            difference -= self._original(center[pairs])
            np.minimum.at(nearest, row[pairs], np.square(difference, out=difference).sum(axis=1))
        return nearest

    def _original(self, center: Positions) -> NDArray[np.float64]:
        given = len(self._centers)
        rows = np.empty((len(center), self._points.shape[1]))
        old = center < given
        rows[old] = self._centers[center[old]]
        rows[~old] = self._points[self._added[center[~old] - given]]
        return rows

    def _centre(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        centred = np.empty(rows.shape, dtype=np.float32)
        np.subtract(rows, self._shift, out=centred, casting="same_kind")
        return centred


def _squared_norms(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.asarray(np.einsum("ij,ij->i", rows, rows), dtype=np.float64)
