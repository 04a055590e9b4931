"""Counts of predicted classes: the population stability index."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alframe.errors import InvalidInput


def population_stability(
    reference: ArrayLike, current: ArrayLike, *, permutations: int = 1000, rng: np.random.Generator
) -> tuple[float, float]:
    """Population stability index of counts in C classes, and its p-value by permutation, (C,), (C,) -> index, p.

    The index is the sum over classes of (p - q) log(p / q), in nats, of the shares p and q on the two sides; half a
    sample is added to each class so that empty ones stay finite. Without drift it is not zero but about
    (C - 1) (1/N + 1/M), the more the fewer samples: hence the p-value, from counts drawn anew for both sides out of all
    samples, exact for any counts and at least 1 / (permutations + 1). For large counts the index over (1/N + 1/M) is
    chi-square with C - 1 degrees of freedom.

    >>> index, p = population_stability([50, 50], [90, 10], rng=np.random.default_rng(0))
    >>> round(index, 2), p < 0.01
    (0.85, True)

    Raises:
        InvalidInput: counts of another shape, negative or not whole; no sample on one side; no permutation.

    Source: Yurdakul & Naranjo, "Statistical properties of the population stability index", Journal of Risk Model
    Validation 14, 2020.
    """
    first, second = _counts(reference, "reference"), _counts(current, "current")
    if first.shape != second.shape:
        raise InvalidInput(f"counts of {len(first)} and of {len(second)} classes; give the same classes for both")
    if permutations < 1:
        raise InvalidInput(f"permutations must be at least 1, got {permutations}")
    both = first + second
    drawn = rng.multivariate_hypergeometric(both, int(second.sum()), size=permutations)
    index = float(_index(first, second))
    as_large = int(np.count_nonzero(_index(both - drawn, drawn) >= index * (1 - 1e-12)))
    return index, (1 + as_large) / (1 + permutations)


def _counts(counts: ArrayLike, name: str) -> NDArray[np.int64]:
    values = np.asarray(counts)
    if values.ndim != 1 or not np.issubdtype(values.dtype, np.integer) or values.min(initial=0) < 0 or not values.sum():
        raise InvalidInput(f"{name} must be (C,) whole numbers, not negative and not all zero, got {values.tolist()}")
    return values.astype(np.int64)


def _index(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.float64]:
    """The index along the last axis, (..., C), (..., C) -> (...)."""
    p, q = ((counts + 0.5) / (counts + 0.5).sum(axis=-1, keepdims=True) for counts in (first, second))
    return np.asarray(((p - q) * np.log(p / q)).sum(axis=-1))
