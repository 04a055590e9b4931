from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import cohen_kappa_score

from alframe.errors import InvalidInput
from alframe.functional import (
    class_agreement,
    cohen_kappa,
    fleiss_kappa,
    krippendorff_alpha,
    pairwise_agreement,
    vote_counts,
)

VOTES = st.tuples(st.integers(0, 8), st.integers(1, 4)).flatmap(
    lambda shape: arrays(np.int64, shape, elements=st.integers(-1, 2))
)

PSYCHIATRISTS = [
    [0, 0, 0, 6, 0],
    [0, 3, 0, 0, 3],
    [0, 1, 4, 0, 1],
    [0, 0, 0, 0, 6],
    [0, 3, 0, 3, 0],
    [2, 0, 4, 0, 0],
    [0, 0, 4, 0, 2],
    [2, 0, 3, 1, 0],
    [2, 0, 0, 4, 0],
    [0, 0, 0, 0, 6],
    [1, 0, 0, 5, 0],
    [1, 1, 0, 4, 0],
    [0, 3, 3, 0, 0],
    [1, 0, 0, 5, 0],
    [0, 2, 0, 3, 1],
    [0, 0, 5, 0, 1],
    [3, 0, 0, 1, 2],
    [5, 1, 0, 0, 0],
    [0, 2, 0, 4, 0],
    [1, 0, 2, 0, 3],
    [0, 0, 0, 0, 6],
    [0, 1, 0, 5, 0],
    [0, 2, 0, 1, 3],
    [2, 0, 0, 4, 0],
    [1, 0, 0, 4, 1],
    [0, 5, 0, 1, 0],
    [4, 0, 0, 0, 2],
    [0, 2, 0, 4, 0],
    [1, 0, 5, 0, 0],
    [0, 0, 0, 0, 6],
]
"""Table 1 of Fleiss 1971: six diagnoses of each of thirty patients."""

OBSERVERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3],
    [0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0],
]
"""Section C of Krippendorff 2011: four observers, twelve units, five values; 0 is missing."""


def slow_alpha(votes: np.ndarray, same: set[int] | None = None) -> float:
    """One minus the share of pairs within units that differ, over that of all pairs; by loops over single votes."""
    units = [[label if same is None else label in same for label in row if label >= 0] for row in votes.tolist()]
    units = [unit for unit in units if len(unit) > 1]
    everything = [label for unit in units for label in unit]
    observed = sum((a != b) / (len(unit) - 1) for unit in units for a, b in permutations(unit, 2))
    expected = sum(a != b for a, b in permutations(everything, 2)) / max(len(everything) - 1, 1)
    return 1 - observed / expected if expected else float("nan")


def test_fleiss_found_0_430() -> None:
    """The published figure."""
    assert fleiss_kappa(PSYCHIATRISTS) == pytest.approx(0.430, abs=5e-4)


def test_krippendorff_found_0_743() -> None:
    """The published figure."""
    assert krippendorff_alpha(np.array(OBSERVERS).T - 1, 5) == pytest.approx(0.743, abs=5e-4)


@given(VOTES)
def test_alpha_is_that_of_loops_over_votes(votes: np.ndarray) -> None:
    """Overall, and of each class against the rest."""
    assert krippendorff_alpha(votes, 3) == pytest.approx(slow_alpha(votes), nan_ok=True)
    by_class = [slow_alpha(votes, {label}) for label in range(3)]
    assert class_agreement(votes, 3).tolist() == pytest.approx(by_class, nan_ok=True)


@given(VOTES)
def test_pairs_agree_as_scikit_learn_says(votes: np.ndarray) -> None:
    """Over what both labelled; undefined where both say one class alone."""
    agreement = pairwise_agreement(votes, 3)
    for first, one in enumerate(votes.T):
        for second, other in enumerate(votes.T):
            both = (one >= 0) & (other >= 0)
            assert agreement.shared[first, second] == both.sum()
            defined = len(np.union1d(one[both], other[both])) > 1
            expected = cohen_kappa_score(one[both], other[both]) if defined else float("nan")
            assert agreement.kappa[first, second] == pytest.approx(expected, nan_ok=True)
            assert cohen_kappa(one, other, 3) == pytest.approx(expected, nan_ok=True)


@given(VOTES, st.integers(0, 9))
def test_who_voted_and_in_which_order_does_not_matter(votes: np.ndarray, seed: int) -> None:
    """Nor does somebody who did not vote, or a sample that nobody voted on."""
    rng = np.random.default_rng(seed)
    shuffled = votes[rng.permutation(len(votes))][:, rng.permutation(votes.shape[1])]
    padded = np.pad(shuffled, ((0, 1), (0, 1)), constant_values=-1)
    assert krippendorff_alpha(padded, 3) == pytest.approx(krippendorff_alpha(votes, 3), nan_ok=True)
    assert class_agreement(padded, 3).tolist() == pytest.approx(class_agreement(votes, 3).tolist(), nan_ok=True)


def test_fleiss_kappa_and_alpha_meet_for_many_samples() -> None:
    """Alpha is Fleiss' kappa but for a correction for few votes."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 4000)
    votes = np.where(rng.random((4000, 3)) < 0.7, truth[:, None], rng.integers(0, 3, (4000, 3)))
    assert fleiss_kappa(vote_counts(votes, 3)) == pytest.approx(krippendorff_alpha(votes, 3), abs=1e-3)


def test_one_class_alone_shows_no_agreement() -> None:
    """0 / 0: nothing varies, so nothing shows whether anybody can tell classes apart."""
    votes = np.zeros((5, 3), dtype=np.int64)
    assert np.isnan(
        [krippendorff_alpha(votes, 2), fleiss_kappa(vote_counts(votes, 2)), cohen_kappa(votes[:, 0], votes[:, 1], 2)]
    ).all()
    assert np.isnan(class_agreement(votes, 2)).all()


def test_nothing_shared_shows_no_agreement() -> None:
    """Nor do votes of which no two are on the same sample."""
    votes = np.array([[0, -1], [-1, 1]])
    assert np.isnan(krippendorff_alpha(votes, 2))
    assert np.isnan(pairwise_agreement(votes, 2).kappa[0, 1])
    assert np.isnan(fleiss_kappa(np.zeros((0, 2))))


@pytest.mark.parametrize("counts", [[[1, 0]], [[2, 0], [2, 1]], [[3, -1]], [3, 1]])
def test_unequally_many_votes_are_not_for_fleiss(counts: list[list[int]]) -> None:
    """Nor is a single vote, a negative one, or no table."""
    with pytest.raises(InvalidInput):
        fleiss_kappa(counts)


def test_two_annotators_are_compared_on_the_same_samples() -> None:
    """Vectors of different lengths are not."""
    with pytest.raises(InvalidInput, match="same samples, got 2 and 1"):
        cohen_kappa(np.array([0, 1]), np.array([0]), 2)
