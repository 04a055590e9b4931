"""What a learner that goes on learning keeps of what it knew: forgetting, and backward transfer.

Both look at an accuracy matrix (R, S): what the learner of each round reached on each slice of the test samples (a
task, a class, a site). NaN stands where a slice was not measured.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alframe.errors import InvalidInput


def average_forgetting(accuracy: ArrayLike, first: ArrayLike) -> float:
    """How far the last round lies below the best round before it: the mean over the slices learned before, in [-1, 1].

    Negative where the last round is better than every one before. The measures of round r are those of the first
    r + 1 rows; slices that came later do not count.

    Args:
        accuracy: (R, S) accuracies, NaN where none is known.
        first: (S,) the row of the round that first trained on the slice; R or more if none has yet.

    Returns:
        NaN where no slice was learned before the last round and measured in it.

    Raises:
        InvalidInput: other shapes, no row, a first round below 0.

    Source: Chaudhry, Dokania, Ajanthan & Torr, "Riemannian walk for incremental learning", ECCV 2018.

    Example:
        >>> accuracy = [[0.9, 0.0], [0.6, 0.8], [0.7, 0.9]]
        >>> round(average_forgetting(accuracy, first=[0, 1]), 3)  # (0.9 - 0.7 + 0.8 - 0.9) / 2
        0.05
    """
    matrix, rounds = _check(accuracy, first)
    known = (rounds < len(matrix) - 1) & ~np.isnan(matrix[:-1]).all(axis=0)
    return _mean(np.nanmax(matrix[:-1, known], axis=0, initial=-np.inf) - matrix[-1, known])


def backward_transfer(accuracy: ArrayLike, first: ArrayLike) -> float:
    """How much better the last round is than the round that first learned a slice: the mean over those learned before.

    In [-1, 1]; negative where learning others made it worse.

    Args:
        accuracy: (R, S) accuracies, NaN where none is known.
        first: (S,) the row of the round that first trained on the slice; R or more if none has yet.

    Returns:
        NaN where no slice was learned before the last round and measured in both.

    Raises:
        InvalidInput: other shapes, no row, a first round below 0.

    Source: Lopez-Paz & Ranzato, "Gradient episodic memory for continual learning", NeurIPS 2017.

    Example:
        >>> accuracy = [[0.9, 0.0], [0.6, 0.8], [0.7, 0.9]]
        >>> round(backward_transfer(accuracy, first=[0, 1]), 3)  # (0.7 - 0.9 + 0.9 - 0.8) / 2
        -0.05
    """
    matrix, rounds = _check(accuracy, first)
    known = np.flatnonzero(rounds < len(matrix) - 1)
    return _mean(matrix[-1, known] - matrix[rounds[known], known])


def _check(accuracy: ArrayLike, first: ArrayLike) -> tuple[NDArray[np.float64], NDArray[Any]]:
    matrix, rounds = np.asarray(accuracy, dtype=np.float64), np.asarray(first)
    if matrix.ndim != 2 or len(matrix) == 0 or rounds.shape != matrix.shape[1:]:
        raise InvalidInput(
            f"accuracy must be (R, S) with R > 0 and first (S,), got shapes {matrix.shape} and {rounds.shape}"
        )
    if rounds.size and (not np.issubdtype(rounds.dtype, np.integer) or rounds.min() < 0):
        raise InvalidInput(f"first must hold rows from 0 up, got {rounds.tolist()}")
    return matrix, rounds


def _mean(values: NDArray[np.float64]) -> float:
    """Of what is known; NaN where nothing is."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
