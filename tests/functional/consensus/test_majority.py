from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from alframe.errors import InvalidInput
from alframe.functional import majority_vote

VOTES = st.tuples(st.integers(0, 6), st.integers(1, 4)).flatmap(
    lambda shape: arrays(np.int64, shape, elements=st.integers(-1, 2))
)


@given(VOTES)
def test_the_most_frequent_vote_wins_and_the_lowest_of_equals(votes: np.ndarray) -> None:
    """Sample by sample; nobody's vote is no label and no confidence."""
    consensus = majority_vote(votes, 3)
    for row, label, confidence in zip(votes.tolist(), consensus.labels, consensus.confidence, strict=True):
        counts = Counter(vote for vote in row if vote >= 0)
        if not counts:
            assert (label, confidence) == (-1, 0)
        else:
            assert label == min(counts, key=lambda each: (-counts[each], each))
            assert confidence == pytest.approx(counts[int(label)] / counts.total())


@given(VOTES)
def test_skill_is_the_share_of_votes_that_were_followed(votes: np.ndarray) -> None:
    """Samples on which somebody was alone do not count: there everybody is followed."""
    consensus = majority_vote(votes, 3)
    for annotator, skill in enumerate(consensus.skill):
        shared = [row for row in range(len(votes)) if votes[row, annotator] >= 0 and (votes[row] >= 0).sum() > 1]
        followed = [votes[row, annotator] == consensus.labels[row] for row in shared]
        assert skill == pytest.approx(np.mean(followed) if followed else np.nan, nan_ok=True)


def test_weights_turn_the_vote() -> None:
    """Two against one, but the one counts three; who counts nothing alone settles nothing."""
    votes = np.array([[0, 1, 1, -1], [-1, -1, -1, 1]])
    consensus = majority_vote(votes, 2, weights=np.array([3, 1, 1, 0]))
    assert consensus.labels.tolist() == [0, -1]
    assert consensus.confidence.tolist() == [0.6, 0.0]


def test_what_is_known_stands() -> None:
    """Whatever the votes say, and without any; and it shows who is right."""
    consensus = majority_vote(np.array([[0, 0, 1], [-1, -1, -1]]), 2, known=np.array([1, 0]))
    assert consensus.labels.tolist() == [1, 0]
    assert consensus.confidence.tolist() == [1, 1]
    assert consensus.skill.tolist() == [0, 0, 1]


def test_what_is_known_is_one_class_for_each_sample() -> None:
    """Fewer would be taken for others."""
    with pytest.raises(InvalidInput, match="1 classes for 2 samples"):
        majority_vote(np.array([[0], [1]]), 2, known=np.array([1]))


@pytest.mark.parametrize("weights", [[1.0], [1.0, -1.0], [1.0, np.nan]])
def test_weights_are_one_for_each_annotator(weights: list[float]) -> None:
    """None of them negative."""
    with pytest.raises(InvalidInput, match="weights must be 2"):
        majority_vote(np.array([[0, 1]]), 2, weights=np.array(weights))
