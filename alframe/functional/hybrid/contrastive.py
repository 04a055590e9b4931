"""Samples on which the model contradicts itself: near labelled ones in embedding, far from them in prediction."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr

from alframe.errors import InvalidInput
from alframe.functional.blocks import row_blocks
from alframe.functional.checks import check_paired, check_points
from alframe.functional.geometry.gram import origin_and_scale, with_squares
from alframe.functional.geometry.neighbors import rough_neighbors

BLOCK_ENTRIES = 1 << 20
"""Most entries of one temporary: 8 MiB in double precision."""


def contrastive(
    probs: NDArray[Any],
    embeddings: NDArray[Any],
    center_probs: NDArray[Any],
    centers: NDArray[Any],
    neighbors: int = 10,
) -> NDArray[np.float64]:
    """Mean divergence (nats) from the nearest centres' predictions, (N, C), (N, D), (M, C), (M, D) -> (N,).

    Centres are the labelled samples. The divergence is Kullback and Leibler's from the sample's distribution to the
    centre's, averaged over the ``neighbors`` centres with the nearest embeddings, or over all where there are fewer. A
    probability of zero counts as the smallest float.

    >>> probs, embeddings = np.array([[0.5, 0.5], [0.5, 0.5]]), np.array([[0.0], [9.0]])
    >>> center_probs, centers = np.array([[0.5, 0.5], [1.0, 0.0]]), np.array([[1.0], [8.0]])
    >>> contrastive(probs, embeddings, center_probs, centers, neighbors=1).round(4).tolist()
    [0.0, 0.6931]

    Raises:
        InvalidInput: an array of another shape or with NaN; no centre; no neighbours.

    Source: Margatina et al., "Active learning by acquiring contrastive examples", EMNLP 2021.
    """
    probs, embeddings = check_paired(probs, embeddings)
    center_probs, centers = check_paired(center_probs, check_points(centers, "centers", width=embeddings.shape[1]))
    if center_probs.shape[1] != probs.shape[1]:
        raise InvalidInput(f"probs has {probs.shape[1]} classes and center_probs has {center_probs.shape[1]}")
    if neighbors < 1 or len(centers) == 0:
        raise InvalidInput(
            f"contrast needs at least one of each, got {neighbors} neighbors among {len(centers)} centers"
        )
    origin, scale = origin_and_scale(centers)
    index, neighbors = with_squares(origin, scale, centers), min(neighbors, len(centers))
    center_probs = center_probs.astype(np.float64)
    certainty = -entr(center_probs).sum(axis=1)

    divergences = np.empty(len(probs))
    for block in row_blocks(len(probs), max(*centers.shape, neighbors * probs.shape[1]), BLOCK_ENTRIES):
        nearest, _ = rough_neighbors(with_squares(origin, scale, embeddings[block]), index, neighbors)
        own = np.log(np.maximum(probs[block].astype(np.float64), np.finfo(np.float64).tiny))
        # The logarithm is the same for every neighbour, so their mean distribution is all that it meets.
        mean = center_probs[nearest].mean(axis=1)
        divergences[block] = certainty[nearest].mean(axis=1) - np.einsum("nc,nc->n", mean, own)
    # Gibbs' inequality keeps it from being negative; the subtraction's rounding does not know that.
    return np.asarray(np.maximum(divergences, 0.0))
