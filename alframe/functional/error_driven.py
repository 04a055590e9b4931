"""Where the model errs or wavers: scores from what earlier rounds predicted and what people answered."""

from __future__ import annotations

from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional.blocks import row_blocks
from alframe.functional.checks import check_points, check_probs
from alframe.types import UNLABELLED

SEARCHED = 1 << 20
"""Most entries of the points that are searched for at once: 8 MiB of float64, and enough for FAISS."""


def forgetting(probs: NDArray[Any], history: NDArray[np.int64]) -> NDArray[np.float64]:
    """How often the predicted class changed from learner to learner, (N, C), (N, R) -> (N,), plus 1 - confidence.

    Whole numbers count the changes along ``history``, oldest first, and on to the class that ``probs`` favours now;
    rounds in which a sample was not predicted (``UNLABELLED``) are passed over. The fraction, in [0, 1 - 1/C], tells
    samples of equally many changes apart.

    >>> probs = np.array([[0.75, 0.25], [0.75, 0.25]])
    >>> forgetting(probs, np.array([[0, 0, 0], [1, -1, 0]])).tolist()
    [0.25, 1.25]

    Raises:
        InvalidInput: probabilities or history of another shape; a class that there is not.

    Source: Toneva et al., "An empirical study of example forgetting during deep neural network learning", ICLR 2019,
    who count along the steps of one training and know the label; the predicted class stands in for it here.
    """
    probs, history = check_probs(probs), _check_history(history, probs.shape)
    favourite = probs.argmax(axis=1)
    last = favourite.copy()
    changes = np.zeros(len(probs))
    for predicted in history.T[::-1]:
        known = predicted != UNLABELLED
        changes += known & (predicted != last)
        last = np.where(known, predicted, last)
    return changes + (1.0 - np.asarray(probs.max(axis=1), dtype=np.float64))


def pseudo_loss(probs: NDArray[Any], history: NDArray[np.int64]) -> NDArray[np.float64]:
    """Cross-entropy (nats) of ``probs`` for the class last predicted before, (N, C), (N, R) -> (N,).

    High where the learner moved away from what its predecessor was sure of. Without an earlier prediction the favourite
    of ``probs`` stands in, which leaves -log of the confidence. A probability of zero counts as the smallest float.

    >>> probs = np.array([[0.5, 0.5], [0.25, 0.75]])
    >>> pseudo_loss(probs, np.array([[0], [0]])).round(4).tolist()
    [0.6931, 1.3863]

    Raises:
        InvalidInput: probabilities or history of another shape; a class that there is not.

    Source: Huang et al., "Temporal output discrepancy for loss estimation", ICCV 2021, which compares the outputs of
    two learners in the same way; Lee, "Pseudo-label", ICML workshops 2013.
    """
    probs, history = check_probs(probs), _check_history(history, probs.shape)
    pseudo = last_predicted(history)
    pseudo = np.where(pseudo == UNLABELLED, probs.argmax(axis=1), pseudo)
    believed = probs[np.arange(len(probs)), pseudo].astype(np.float64)
    return np.asarray(-np.log(np.maximum(believed, np.finfo(np.float64).tiny)))


def error_rate_nearby(
    points: NDArray[Any], centers: NDArray[Any], wrong: NDArray[np.bool_], neighbors: int = 10
) -> NDArray[np.float64]:
    """How often people corrected the model near each point, (N, D), (M, D), (M,) -> (N,), in [0, 1].

    The share of corrected answers among the ``neighbors`` nearest centres, each weighing one over its rank, so that the
    nearest counts most. With fewer centres all count; without any, the score is zero.

    >>> centers, wrong = np.array([[0.0], [10.0]]), np.array([True, False])
    >>> error_rate_nearby(np.array([[1.0], [9.0]]), centers, wrong, neighbors=1).tolist()
    [1.0, 0.0]

    Raises:
        InvalidInput: points or centres of another shape or with NaN; not one answer per centre; no neighbours.

    Source: seed of hard-example mining (Shrivastava, Gupta & Girshick, "Training region-based object detectors with
    online hard example mining", CVPR 2016) with people's answers in place of the training loss.
    """
    points = check_points(points)
    centers = check_points(centers, "centers", width=points.shape[1])
    if wrong.shape != (len(centers),):
        raise InvalidInput(f"wrong must be ({len(centers)},), one per center, got shape {wrong.shape}")
    if neighbors < 1:
        raise InvalidInput(f"neighbors must be at least 1, got {neighbors}")
    if len(centers) == 0:
        return np.zeros(len(points))
    # FAISS computes in float32: a common offset would eat the digits that tell the points apart.
    middle = centers.mean(axis=0, dtype=np.float64)
    index = faiss.IndexFlatL2(points.shape[1])
    index.add((centers - middle).astype(np.float32))
    nearest = min(neighbors, len(centers))
    weights = 1 / np.arange(1, nearest + 1)
    rates = np.empty(len(points))
    for block in row_blocks(len(points), points.shape[1], SEARCHED):
        _, found = index.search((points[block] - middle).astype(np.float32), nearest)
        # Row by row, so that the same answers give the same score in every block.
        rates[block] = (wrong[found] * weights).sum(axis=1) / weights.sum()
    return rates


def last_predicted(history: NDArray[np.int64]) -> NDArray[np.int64]:
    """The latest class in each row, (N, R) -> (N,); ``UNLABELLED`` where there is none.

    >>> last_predicted(np.array([[0, 2, -1], [-1, -1, -1]])).tolist()
    [2, -1]
    """
    last = np.full(len(history), UNLABELLED, dtype=np.int64)
    for predicted in history.T:
        last = np.where(predicted != UNLABELLED, predicted, last)
    return last


def _check_history(history: NDArray[Any], shape: tuple[int, ...]) -> NDArray[np.int64]:
    rows, classes = shape
    if history.ndim != 2 or len(history) != rows or not np.issubdtype(history.dtype, np.integer):
        raise InvalidInput(f"history must be ({rows}, R) class indices, got shape {history.shape} of {history.dtype}")
    if history.size and not UNLABELLED <= history.min() <= history.max() < classes:
        there = f"classes from {history.min()} to {history.max()}"
        raise InvalidInput(f"history holds {there}; there are {classes}, and {UNLABELLED} stands for none")
    return history
