"""How unsure a predictive distribution is: scores of probabilities, (N, C) -> (N,), higher is less sure.

They are computed in blocks of rows, in the precision of the probabilities (half precision in single) and returned in
float64. Entropies of float32 rows are within 2e-6 of the exact ones, relatively, up to ten thousand classes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.functional.blocks import entropies, score_blocks
from alframe.functional.checks import check_points, check_probs
from alframe.types import Positions


def least_confidence(probs: NDArray[Any]) -> NDArray[np.float64]:
    """One minus the probability of the most probable class, (N, C) -> (N,), in [0, 1 - 1/C].

    >>> least_confidence(np.array([[0.5, 0.5], [1.0, 0.0]])).tolist()
    [0.5, 0.0]

    Raises:
        InvalidInput: ``probs`` are not (N, C) probabilities.

    Source: Lewis & Gale, "A sequential algorithm for training text classifiers", SIGIR 1994.
    """
    return 1.0 - score_blocks(check_probs(probs), lambda block: block.max(axis=1))


def margin(probs: NDArray[Any]) -> NDArray[np.float64]:
    """One minus the lead of the most probable class over the second, (N, C) -> (N,), in [0, 1].

    The sign is such that higher is more uncertain. Where there is one class only, the margin is zero.

    >>> margin(np.array([[0.5, 0.5, 0.0], [0.25, 0.0, 0.75], [1.0, 0.0, 0.0]])).tolist()
    [1.0, 0.5, 0.0]

    Raises:
        InvalidInput: ``probs`` are not (N, C) probabilities.

    Source: Scheffer, Decomain & Wrobel, "Active hidden Markov models for information extraction", IDA 2001.
    """
    probs = check_probs(probs)
    if probs.shape[1] == 1:
        return least_confidence(probs)
    return 1.0 - score_blocks(probs, _lead)


def entropy(probs: NDArray[Any]) -> NDArray[np.float64]:
    """Shannon entropy (nats) of each row of ``probs``, (N, C) -> (N,), in [0, log C].

    >>> entropy(np.array([[0.5, 0.5], [1.0, 0.0]])).round(4).tolist()
    [0.6931, 0.0]

    Raises:
        InvalidInput: ``probs`` are not (N, C) probabilities.

    Source: Shannon, "A mathematical theory of communication", 1948.
    """
    return score_blocks(check_probs(probs), entropies)


def from_logits(logits: NDArray[Any], score: Callable[[NDArray[Any]], NDArray[Any]]) -> NDArray[np.float64]:
    """``score`` of the softmax of ``logits``, (N, C) -> (N,), while the probabilities of a few blocks at most exist.

    >>> from_logits(np.array([[0.0, 0.0], [1000.0, 0.0]]), entropy).round(4).tolist()
    [0.6931, 0.0]

    Args:
        logits: any numbers; minus infinity rules a class out.
        score: probabilities -> one number a row, such as ``entropy``; it may be called from several threads.

    Raises:
        InvalidInput: ``logits`` are not (N, C), or have NaN, infinities, or rows that rule out everything.
    """
    check_points(logits[:0], "logits")
    score_of_distances = _entropies_by_distance if score is entropy else partial(_score_by_distance, score)

    def score_block(block: NDArray[Any]) -> NDArray[Any]:
        highest = block.argmax(axis=1)
        top = block[np.arange(len(block)), highest]
        if not np.isfinite(top).all():
            check_points(logits, "logits")
        return score_of_distances(block - top[:, np.newaxis], highest)

    return score_blocks(logits, score_block)


def _score_by_distance(
    score: Callable[[NDArray[Any]], NDArray[Any]], distances: NDArray[Any], _highest: Positions
) -> NDArray[Any]:
    probs = np.exp(distances, out=distances)
    probs *= (1 / np.einsum("ic->i", probs))[:, np.newaxis]
    return score(probs)


def _entropies_by_distance(distances: NDArray[Any], highest: Positions) -> NDArray[Any]:
    """Entropies log Z - sum exp(d) d / Z of logits at distances d <= 0 from the highest, where Z sums exp(d).

    The highest, whose exponential is one, is left out of the sum: all terms have one sign, and no digits are lost.
    """
    weights = np.exp(distances)
    weights[np.arange(len(weights)), highest] = 0
    others = np.einsum("ic->i", weights)
    with np.errstate(invalid="ignore"):
        inner = np.vecdot(weights, distances)
    if np.isnan(inner).any():  # zero times the distance of a class that is ruled out
        inner = np.vecdot(weights, np.maximum(distances, np.finfo(distances.dtype).min))
    return np.asarray(np.log1p(others) - inner / (1 + others))


def _lead(probs: NDArray[Any]) -> NDArray[np.float64]:
    highest = np.partition(probs, -2, axis=1)[:, -2:].astype(np.float64)
    return np.asarray(highest[:, 1] - highest[:, 0])
