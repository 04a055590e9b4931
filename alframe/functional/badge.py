"""Large and diverse gradients of the last layer, without the gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional.checks import check_budget, check_points, check_probs
from alframe.functional.spread import spread
from alframe.types import Positions

ROUNDING = 1e-12
"""A squared distance below this share of the squares it was subtracted from is rounding, not distance."""


def badge(probs: NDArray[Any], embeddings: NDArray[Any], budget: int, *, rng: np.random.Generator) -> Positions:
    """Spread over the last layer's gradients by k-means++, (N, C), (N, D) -> positions (K,), all distinct.

    A sample's gradient is that of the cross-entropy with respect to the last layer's weights if its most
    probable class were its label: the outer product of ``probs - one_hot(argmax)`` and the embedding. Inner
    products of outer products factorise, so the (N, C * D) gradients are never made. The first choice is the
    largest gradient, as in the authors' code; k-means++, which their paper names, would draw it uniformly.

    >>> probs = np.array([[1.0, 0.0], [0.5, 0.5], [0.9, 0.1]])
    >>> badge(probs, np.ones((3, 4)), 1, rng=np.random.default_rng(0)).tolist()
    [1]

    Raises:
        InvalidInput: an array of another shape or with NaN; a budget under one.
        PoolExhausted: a budget larger than N.

    Source: Ash et al., "Deep batch active learning by diverse, uncertain gradient lower bounds", ICLR 2020.
    """
    probs, embeddings = check_probs(probs), check_points(embeddings, "embeddings")
    if len(probs) != len(embeddings):
        raise InvalidInput(f"probs has {len(probs)} rows and embeddings has {len(embeddings)}; give one per sample")
    budget = check_budget(budget, available=len(probs))

    residuals = probs.astype(np.float64)
    residuals[np.arange(len(probs)), probs.argmax(axis=1)] -= 1
    embeddings = embeddings.astype(np.float64, copy=False)
    squared_norms = _squared_norms(residuals) * _squared_norms(embeddings)

    def squared_distances_from(position: int) -> NDArray[np.float64]:
        inner = (residuals @ residuals[position]) * (embeddings @ embeddings[position])
        sums = squared_norms + squared_norms[position]
        distances = sums - 2 * inner
        distances[distances < ROUNDING * sums] = 0
        return np.asarray(distances)

    return spread(
        budget,
        first=int(squared_norms.argmax()),
        squared_distances_from=squared_distances_from,
        weights=np.ones(len(probs)),
        rng=rng,
    )


def _squared_norms(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.einsum("ij,ij->i", rows, rows))
