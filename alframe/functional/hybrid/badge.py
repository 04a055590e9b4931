"""BADGE: large and diverse gradients of the last layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from alframe.functional.checks import check_budget, check_lengths, check_paired
from alframe.functional.hybrid.badge_torch import badge_torch
from alframe.functional.hybrid.gradients import Gradients
from alframe.functional.hybrid.rejection import spread_by_rejection
from alframe.functional.spread import spread
from alframe.functional.tensors import check_probs_tensor, check_tensor, is_tensor
from alframe.types import Positions

if TYPE_CHECKING:
    import torch


def badge(
    probs: NDArray[Any] | torch.Tensor,
    embeddings: NDArray[Any] | torch.Tensor,
    budget: int,
    *,
    rng: np.random.Generator,
) -> Positions:
    """Spread over the last layer's gradients by k-means++, (N, C), (N, D) -> positions (K,), all distinct.

    A sample's gradient is that of the cross-entropy with respect to the last layer's weights if its most
    probable class were its label: the outer product of ``probs - one_hot(argmax)`` and the embedding. The first
    choice is the largest gradient, as in the authors' code; k-means++, which their paper names, would draw it
    uniformly.

    The draws are made by rejection and follow the distribution of ``badge_factorised`` exactly, without its pass
    over the pool for each. Of torch tensors, both on one device, the passes are made there, in their precision.

    >>> probs = np.array([[1.0, 0.0], [0.5, 0.5], [0.9, 0.1]])
    >>> badge(probs, np.ones((3, 4)), 1, rng=np.random.default_rng(0)).tolist()
    [1]

    Raises:
        InvalidInput: an array of another shape or with NaN; a budget under one.
        PoolExhausted: a budget larger than N.

    Source: Ash et al., "Deep batch active learning by diverse, uncertain gradient lower bounds", ICLR 2020.
    """
    if is_tensor(probs) and is_tensor(embeddings):
        probs, embeddings = check_probs_tensor(probs), check_tensor(embeddings, "embeddings")
        check_lengths(probs, embeddings)
        return badge_torch(probs, embeddings, check_budget(budget, available=len(probs)), rng)
    probs, embeddings = check_paired(np.asarray(probs), np.asarray(embeddings))
    return spread_by_rejection(Gradients(probs, embeddings), check_budget(budget, available=len(probs)), rng)


def badge_factorised(
    probs: NDArray[Any], embeddings: NDArray[Any], budget: int, *, rng: np.random.Generator
) -> Positions:
    """``badge`` by one pass over the pool for each draw: the plain loop that ``badge`` is tested against.

    Draws, for the same generator, what k-means++ over the (N, C * D) gradients would draw.

    >>> probs = np.array([[1.0, 0.0], [0.5, 0.5], [0.9, 0.1]])
    >>> badge_factorised(probs, np.ones((3, 4)), 2, rng=np.random.default_rng(0)).tolist()
    [1, 2]

    Raises:
        InvalidInput: an array of another shape or with NaN; a budget under one.
        PoolExhausted: a budget larger than N.

    Source: Ash et al., "Deep batch active learning by diverse, uncertain gradient lower bounds", ICLR 2020.
    """
    probs, embeddings = check_paired(probs, embeddings)
    gradients = Gradients(probs, embeddings)
    return spread(
        check_budget(budget, available=len(probs)),
        first=gradients.largest(),
        squared_distances_from=lambda position: gradients.to_nearest(gradients.factors(np.array([position]))),
        weights=np.ones(len(probs)),
        rng=rng,
    )
