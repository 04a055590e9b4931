"""Gradients of the last layer by their factors: the (N, C * D) matrix is never made.

The gradient of the cross-entropy with respect to the last layer's weights, if the most probable class were the label,
is the outer product of ``probs - one_hot(argmax)`` and the embedding. Inner products of outer products factorise:
<a h, b k> = (a . b)(h . k).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.functional.blocks import blocks
from alframe.functional.geometry.gram import rounding_of_products
from alframe.types import Positions

ROUNDING = 1e-12
"""A squared distance below this share of the squares it was subtracted from is rounding, not distance."""

ENTRIES = 1 << 19
"""Most entries that one block of a factor holds: 4 MiB of float64."""

SINGLE = (1e-20, 1e30)
"""The largest squared norm for which float32 neither underflows nor overflows."""


@dataclass(frozen=True, eq=False)
class Factors:
    """Some gradients: residuals (R, C), features (R, D) and the squared norms of their products (R,)."""

    residuals: NDArray[Any]
    features: NDArray[Any]
    squares: NDArray[np.float64]


def squared_distances(left: Factors, right: Factors) -> NDArray[np.float64]:
    """Between the gradients of both, (L,), (R,) -> (L, R); exactly zero where only rounding is left.

    >>> one = Factors(np.array([[1.0, -1.0]]), np.array([[1.0]]), np.array([2.0]))
    >>> two = Factors(np.array([[1.0, -1.0]]), np.array([[3.0]]), np.array([18.0]))
    >>> squared_distances(one, two).tolist()
    [[8.0]]
    """
    distances = left.residuals @ right.residuals.T
    distances *= left.features @ right.features.T
    distances *= -2
    sums = left.squares[:, np.newaxis] + right.squares
    distances = distances + sums
    distances[distances < ROUNDING * sums] = 0
    return np.asarray(distances)


class Gradients:
    """The last layer's gradients of N samples, from ``probs`` (N, C) and ``embeddings`` (N, D)."""

    def __init__(self, probs: NDArray[Any], embeddings: NDArray[Any]) -> None:
        self._probs, self._embeddings = probs, embeddings
        self._guesses = probs.argmax(axis=1)
        self._rows = max(1, ENTRIES // max(probs.shape[1], embeddings.shape[1]))
        self._band = rounding_of_products(probs.shape[1]) + rounding_of_products(embeddings.shape[1])
        self._squares = self._all_squares()
        if not SINGLE[0] < self._squares.max() < SINGLE[1]:
            self._embeddings = embeddings.astype(np.float64)
            self._squares = self._all_squares()

    def __len__(self) -> int:
        return len(self._probs)

    def factors(self, which: slice | Positions) -> Factors:
        """The gradients at ``which``, in float64."""
        return self._factors(which, np.float64, np.float64)

    def _at_hand(self, which: slice | Positions) -> Factors:
        """The gradients at ``which``, in the precision that they are given in, single at least."""
        wide = np.float32
        return self._factors(
            which, np.promote_types(self._probs.dtype, wide), np.promote_types(self._embeddings.dtype, wide)
        )

    def _factors(self, which: slice | Positions, residual_type: Any, feature_type: Any) -> Factors:
        residuals = self._probs[which].astype(residual_type)
        residuals[np.arange(len(residuals)), self._guesses[which]] -= 1
        features = self._embeddings[which].astype(feature_type, copy=False)
        return Factors(residuals, features, _squared_norms(residuals) * _squared_norms(features))

    def largest(self) -> int:
        """The position of the largest gradient, the lowest of equals."""
        near = np.flatnonzero(self._squares >= (1 - 2 * self._band) * self._squares.max())
        squares = [self.factors(near[block]).squares for block in blocks(len(near), self._rows)]
        return int(near[np.concatenate(squares).argmax()])

    def bound_from(self, position: int) -> NDArray[np.float64]:
        """No less than the squared distance from each gradient to that at ``position``, (N,), in one pass."""
        center = self._at_hand(np.array([position]))
        bound = np.empty(len(self))
        for block in blocks(len(self), self._rows):
            rows = self._at_hand(block)
            inner = (rows.residuals @ center.residuals[0]) * (rows.features @ center.features[0])
            bound[block] = (1 + self._band) * (rows.squares + center.squares) - 2 * inner
        return np.maximum(bound, 0)

    def to_nearest(self, centers: Factors) -> NDArray[np.float64]:
        """The squared distance from each gradient to the nearest of ``centers``, (N,), in float64 and in blocks."""
        nearest = np.empty(len(self))
        for block in blocks(len(self), min(self._rows, ENTRIES // len(centers.squares))):
            nearest[block] = squared_distances(self.factors(block), centers).min(axis=1)
        return nearest

    def _all_squares(self) -> NDArray[np.float64]:
        return np.concatenate([self._at_hand(block).squares for block in blocks(len(self), self._rows)])


def _squared_norms(rows: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(np.einsum("ij,ij->i", rows, rows), dtype=np.float64)
