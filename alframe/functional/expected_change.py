"""How much a label is expected to change the model: scores before the label is known."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.functional.blocks import row_blocks
from alframe.functional.checks import check_paired


def expected_gradient_length(probs: NDArray[Any], embeddings: NDArray[Any]) -> NDArray[np.float64]:
    """Expected length of the last layer's gradient over the labels, (N, C), (N, D) -> (N,).

    With label y the gradient of the cross-entropy is the outer product of ``probs - one_hot(y)`` and the embedding
    with a one for the bias, so its length is a product of two lengths; y is as likely as ``probs`` say. A sample of
    whose class the model is certain scores zero.

    >>> probs = np.array([[1.0, 0.0], [0.5, 0.5]])
    >>> expected_gradient_length(probs, np.array([[9.0], [1.0]])).round(4).tolist()
    [0.0, 1.0]

    Raises:
        InvalidInput: an array of another shape or with NaN.

    Source: Settles, Craven & Ray, "Multiple-instance active learning", NIPS 2007; Settles & Craven, "An analysis of
    active learning strategies for sequence labeling tasks", EMNLP 2008; Huang et al., "Active learning for speech
    recognition: the power of gradients", 2016.
    """
    probs, embeddings = check_paired(probs, embeddings)
    lengths = np.empty(len(probs))
    for block in row_blocks(len(probs), max(probs.shape[1], embeddings.shape[1])):
        points = embeddings[block].astype(np.float64)
        inputs = np.sqrt(np.einsum("nd,nd->n", points, points) + 1)
        lengths[block] = _expected_residual(probs[block].astype(np.float64)) * inputs
    return lengths


def _expected_residual(probs: NDArray[np.float64]) -> NDArray[np.float64]:
    """The length of ``probs - one_hot(y)``, averaged over y by ``probs``, (N, C) -> (N,)."""
    samples = np.arange(len(probs))
    favourite = probs.argmax(axis=1)
    confidence = probs[samples, favourite]
    # What the favourite lacks is summed from the others: near certainty a difference from one would be rounding.
    others = probs.copy()
    others[samples, favourite] = 0
    rest = np.einsum("nc,nc->n", others, others)
    squared = (rest + confidence**2)[:, np.newaxis] + (1 - 2 * probs)
    squared[samples, favourite] = rest + others.sum(axis=1) ** 2
    return np.asarray(np.einsum("nc,nc->n", probs, np.sqrt(squared)))
