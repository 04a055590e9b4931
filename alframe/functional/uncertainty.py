"""How unsure a predictive distribution is: scores of probabilities, (N, C) -> (N,), higher is less sure."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr

from alframe.functional.checks import check_probs


def least_confidence(probs: NDArray[Any]) -> NDArray[np.float64]:
    """One minus the probability of the most probable class, (N, C) -> (N,), in [0, 1 - 1/C].

    >>> least_confidence(np.array([[0.5, 0.5], [1.0, 0.0]])).tolist()
    [0.5, 0.0]

    Raises:
        InvalidInput: ``probs`` are not (N, C) probabilities.

    Source: Lewis & Gale, "A sequential algorithm for training text classifiers", SIGIR 1994.
    """
    return 1.0 - np.asarray(check_probs(probs).max(axis=1), dtype=np.float64)


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
    highest = np.partition(probs, -2, axis=1)[:, -2:].astype(np.float64)
    return 1.0 - (highest[:, 1] - highest[:, 0])


def entropy(probs: NDArray[Any]) -> NDArray[np.float64]:
    """Shannon entropy (nats) of each row of ``probs``, (N, C) -> (N,), in [0, log C].

    >>> entropy(np.array([[0.5, 0.5], [1.0, 0.0]])).round(4).tolist()
    [0.6931, 0.0]

    Raises:
        InvalidInput: ``probs`` are not (N, C) probabilities.

    Source: Shannon, "A mathematical theory of communication", 1948.
    """
    return np.asarray(entr(check_probs(probs)).sum(axis=1, dtype=np.float64))
