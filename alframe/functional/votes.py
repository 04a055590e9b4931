"""Votes as numbers to calculate with; a vote is a class, or ``UNLABELLED`` where an annotator gave none."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from alframe.functional.checks import check_votes
from alframe.types import UNLABELLED


def vote_counts(
    votes: NDArray[Any], num_classes: int, weights: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """How many votes each class of each sample has, (N, A) -> (N, C); or how much weight, (A,) by annotator.

    >>> vote_counts(np.array([[0, 2, 2], [1, -1, -1]]), num_classes=3).tolist()
    [[1.0, 0.0, 2.0], [0.0, 1.0, 0.0]]

    Raises:
        InvalidInput: votes that are no classes.
    """
    votes = check_votes(votes, num_classes)
    items, annotators = np.nonzero(votes != UNLABELLED)
    cells = items * num_classes + votes[items, annotators]
    each = None if weights is None else weights[annotators]
    counts = np.bincount(cells, weights=each, minlength=len(votes) * num_classes)
    return counts.reshape(-1, num_classes).astype(np.float64)


def one_hot_votes(votes: NDArray[Any], num_classes: int) -> sparse.csr_array:
    """A one for each vote, (N, A) -> sparse (N, A * C): column ``a * C + c`` is class c as annotator a says it.

    What is summed over votes is then one matrix product, however many votes are missing.

    >>> one_hot_votes(np.array([[0, 1], [1, -1]]), num_classes=2).toarray()
    array([[1., 0., 0., 1.],
           [0., 1., 0., 0.]])

    Raises:
        InvalidInput: votes that are no classes.
    """
    votes = check_votes(votes, num_classes)
    items, annotators = np.nonzero(votes != UNLABELLED)
    columns = annotators * num_classes + votes[items, annotators]
    shape = (len(votes), votes.shape[1] * num_classes)
    return sparse.csr_array((np.ones(len(items)), (items, columns)), shape=shape)
