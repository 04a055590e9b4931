"""The class that most votes, or most of their weight, are for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.functional.checks import check_votes, check_weights
from alframe.functional.consensus.known import check_known, settle
from alframe.functional.votes import vote_counts
from alframe.types import UNLABELLED, Consensus


def majority_vote(
    votes: NDArray[Any],
    num_classes: int,
    *,
    weights: NDArray[Any] | None = None,
    known: NDArray[Any] | None = None,
) -> Consensus:
    """The class that most votes of each sample are for, (N, A) -> Consensus; of equally many the lowest.

    Confidence is the share of the votes, so 1/2 or less where two classes are tied. Skill is the share of an
    annotator's votes that the consensus follows, on samples where somebody else voted or the class is known.

    Args:
        votes: classes, ``UNLABELLED`` where an annotator gave none.
        num_classes: C.
        weights: (A,) what each annotator's vote counts; one each by default. Samples without any weight stay without a
            label.
        known: (N,) classes that are certain, ``UNLABELLED`` where they are not.

    Raises:
        InvalidInput: votes or known classes that are no classes, negative weights, another number of them.

    Examples:
        >>> consensus = majority_vote(np.array([[0, 1, 1], [2, -1, 0], [-1, -1, -1]]), num_classes=3)
        >>> consensus.labels.tolist(), consensus.confidence.round(2).tolist(), consensus.skill.tolist()
        ([1, 0, -1], [0.67, 0.5, 0.0], [0.0, 1.0, 1.0])
    """
    votes = check_votes(votes, num_classes)
    certain = check_known(known, num_classes, len(votes))
    counted = None if weights is None else check_weights(weights, votes.shape[1])
    counts = vote_counts(votes, num_classes, counted)
    total = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, total, out=np.zeros_like(counts), where=total > 0)
    labels, confidence = settle(shares, certain)
    return Consensus(labels, confidence, _followed(votes, labels, certain))


def _followed(votes: NDArray[np.int64], labels: NDArray[np.int64], known: NDArray[np.int64]) -> NDArray[np.float64]:
    given = votes != UNLABELLED
    telling = given & (labels != UNLABELLED)[:, None]
    telling &= ((given.sum(axis=1) > 1) | (known != UNLABELLED))[:, None]
    right = (telling & (votes == labels[:, None])).sum(axis=0)
    count = telling.sum(axis=0)
    return np.asarray(np.divide(right, count, out=np.full(len(count), np.nan), where=count > 0))
