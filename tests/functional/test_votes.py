from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from alframe.errors import InvalidInput
from alframe.functional import one_hot_votes, vote_counts
from alframe.functional.checks import check_classes, check_votes

VOTES = st.tuples(st.integers(0, 6), st.integers(1, 4)).flatmap(
    lambda shape: arrays(np.int64, shape, elements=st.integers(-1, 2))
)


@given(VOTES)
def test_counts_are_those_of_a_loop(votes: np.ndarray) -> None:
    """Vote by vote, each worth its annotator's weight."""
    weights = np.arange(1, votes.shape[1] + 1) / 2
    expected = np.zeros((len(votes), 3))
    for item, row in enumerate(votes):
        for annotator, label in enumerate(row):
            if label >= 0:
                expected[item, label] += weights[annotator]
    assert vote_counts(votes, 3, weights).tolist() == expected.tolist()


@given(VOTES)
def test_one_hot_votes_add_up_to_counts(votes: np.ndarray) -> None:
    """Summed over annotators, the ones are the counts."""
    ones = one_hot_votes(votes, 3).toarray().reshape(*votes.shape, 3)
    assert ones.sum(axis=1).tolist() == vote_counts(votes, 3).tolist()
    assert (ones.sum(axis=2) == (votes >= 0)).all()


@pytest.mark.parametrize(
    ("votes", "num_classes", "message"),
    [
        (np.array([0, 1]), 2, "must be"),
        (np.empty((3, 0), dtype=np.int64), 2, "must be"),
        (np.array([[0.0]]), 2, "whole numbers"),
        (np.array([[2]]), 2, "from 0 to 1"),
        (np.array([[-2]]), 2, "from 0 to 1"),
        (np.array([[0]]), 0, "at least 1"),
    ],
)
def test_what_is_no_vote_is_refused(votes: np.ndarray, num_classes: int, message: str) -> None:
    """The message says what a vote is."""
    with pytest.raises(InvalidInput, match=message):
        check_votes(votes, num_classes)


def test_labels_are_one_for_each_sample() -> None:
    """A matrix of votes is no vector of labels."""
    with pytest.raises(InvalidInput, match=r"first must be \(N,\)"):
        check_classes(np.array([[0]]), 1, "first")
