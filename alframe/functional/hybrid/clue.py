"""Clusters in which the unsure count for more."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional.checks import check_budget, check_paired
from alframe.functional.coverage.k_means import k_means
from alframe.functional.uncertainty import entropy
from alframe.types import Positions

LEAST = 1e-6
"""What a certain sample weighs beside the least certain one, so that each is in some cluster."""


def clue(
    probs: NDArray[Any],
    embeddings: NDArray[Any],
    budget: int,
    *,
    temperature: float = 1.0,
    rng: np.random.Generator,
) -> Positions:
    """For each of K entropy-weighted clusters the nearest point, (N, C), (N, D) -> positions (K,), all distinct.

    Samples weigh as much in ``k_means`` as their entropy after the logits are divided by ``temperature``: above one it
    evens the weights out, so that clusters follow the embeddings more. Where all are certain they weigh the same.

    >>> probs = np.array([[0.5, 0.5], [0.99, 0.01], [0.5, 0.5], [0.99, 0.01]])
    >>> embeddings = np.array([[0.0], [1.0], [100.0], [101.0]])
    >>> sorted(clue(probs, embeddings, 2, rng=np.random.default_rng(0)).tolist())
    [0, 2]

    Raises:
        InvalidInput: an array of another shape or with NaN; a budget under one; a temperature that is not positive.
        PoolExhausted: a budget larger than N.

    Source: Prabhu et al., "Active domain adaptation via clustering uncertainty-weighted embeddings", ICCV 2021.
    """
    probs, embeddings = check_paired(probs, embeddings)
    budget = check_budget(budget, available=len(probs))
    if not 0 < temperature < np.inf:
        raise InvalidInput(f"temperature must be a positive number, got {temperature}")
    weights = entropy(probs if temperature == 1 else _tempered(probs, temperature))
    highest = weights.max()
    weights = np.maximum(weights, LEAST * highest) if highest > 0 else np.ones(len(probs))
    return k_means(embeddings, budget, weights=weights, rng=rng)


def _tempered(probs: NDArray[Any], temperature: float) -> NDArray[np.float64]:
    """The softmax of the logits divided by ``temperature``, (N, C) -> (N, C)."""
    powers = probs.astype(np.float64)
    powers /= powers.max(axis=1, keepdims=True)
    powers **= 1 / temperature
    powers /= powers.sum(axis=1, keepdims=True)
    return powers
