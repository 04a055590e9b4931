"""Fisher information: the incremental greedy against the definition, matrix by matrix."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional import bait

Points = NDArray[np.float64]
ALL = 99
"""More directions than there are: nothing is left out."""


def some(count: int, seed: int, classes: int = 3, width: int = 3) -> tuple[Points, Points]:
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(classes) / 2, count), 3 * rng.normal(size=(count, width))


class Naive:
    """The trace, by the (C * D, C * D) information of each sample and an inverse for each question."""

    def __init__(self, probs: Points, embeddings: Points, center_probs: Points, centers: Points) -> None:
        self.each = self.informations(probs, embeddings)
        self.prior = np.eye(self.each.shape[1]) + self.informations(center_probs, centers).sum(axis=0)
        self.pool = self.each.mean(axis=0)

    @staticmethod
    def informations(probs: Points, embeddings: Points) -> Points:
        width = probs.shape[1] * embeddings.shape[1]
        each = [np.kron(np.diag(p) - np.outer(p, p), np.outer(h, h)) for p, h in zip(probs, embeddings, strict=True)]
        return np.array(each).reshape(-1, width, width)

    def trace(self, chosen: list[int]) -> float:
        return float(np.trace(np.linalg.solve(self.prior + self.each[chosen].sum(axis=0), self.pool)))

    def greedy(self, budget: int) -> list[int]:
        """Add the best 2K times, take the least useful back K times."""
        chosen: list[int] = []
        for _ in range(min(2 * budget, len(self.each))):
            left = [position for position in range(len(self.each)) if position not in chosen]
            chosen.append(min(left, key=lambda p: self.trace([*chosen, p])))
        while len(chosen) > budget:
            chosen.remove(min(chosen, key=lambda p: self.trace([q for q in chosen if q != p])))
        return chosen


@given(
    seed=st.integers(0, 1000),
    classes=st.integers(2, 4),
    width=st.integers(1, 4),
    labelled=st.integers(0, 3),
    budget=st.integers(1, 6),
)
def test_choices_equal_the_definition(seed: int, classes: int, width: int, labelled: int, budget: int) -> None:
    """Forward and backward, with and without labelled samples, the same positions in the same order."""
    probs, embeddings = some(10, seed, classes, width)
    center_probs, centers = some(labelled, seed + 1, classes, width)
    chosen = bait(
        probs,
        embeddings,
        budget,
        center_probs,
        centers,
        class_directions=ALL,
        embedding_directions=ALL,
    )
    assert chosen.tolist() == Naive(probs, embeddings, center_probs, centers).greedy(budget)


def test_the_choice_is_nearly_the_best_there_is() -> None:
    """On twenty tiny pools the reduction of the trace is at least 1 - 1/e of what the best triple achieves."""
    for seed in range(20):
        probs, embeddings = some(9, seed)
        naive = Naive(probs, embeddings, *some(0, 0))
        chosen = bait(probs, embeddings, 3, class_directions=ALL, embedding_directions=ALL)
        best = min(naive.trace(list(triple)) for triple in combinations(range(9), 3))
        nothing = naive.trace([])
        assert nothing - naive.trace(chosen.tolist()) >= (1 - 1 / np.e) * (nothing - best)


def test_directions_that_hold_no_information_are_not_missed() -> None:
    """Embeddings in a plane, two of four classes that never come: few directions choose what all would choose."""
    rng = np.random.default_rng(0)
    probs, flat = some(60, 0, classes=2)
    embeddings = flat[:, :2] @ rng.normal(size=(2, 7))
    probs = np.hstack([probs, np.zeros((60, 2))])
    few = bait(probs, embeddings, 6, class_directions=1, embedding_directions=2)
    every = bait(probs, embeddings, 6, class_directions=ALL, embedding_directions=ALL)
    assert few.tolist() == every.tolist()


def test_fewer_directions_still_choose_well() -> None:
    """With half the directions, nine tenths of what the full choice takes off the trace on a pool of low rank."""
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(80, 8)) * 0.5 ** np.arange(8)
    logits = 2 * embeddings @ rng.normal(size=(8, 5))
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    naive = Naive(probs, embeddings, np.ones((0, 5)), np.ones((0, 8)))
    few = bait(probs, embeddings, 8, class_directions=2, embedding_directions=4)
    every = bait(probs, embeddings, 8, class_directions=ALL, embedding_directions=ALL)
    taken = [naive.trace([]) - naive.trace(chosen.tolist()) for chosen in (few, every)]
    assert taken[0] >= 0.9 * taken[1]


@given(seed=st.integers(0, 200))
def test_a_permuted_pool_gives_the_permuted_choice(seed: int) -> None:
    """Where no two samples tell equally much, the order of the pool does not matter."""
    probs, embeddings = some(20, seed)
    order = np.random.default_rng(seed).permutation(20)
    assert order[bait(probs[order], embeddings[order], 4)].tolist() == bait(probs, embeddings, 4).tolist()


@pytest.mark.parametrize("probs", [np.eye(3)[[1] * 9], np.ones((9, 1))])
def test_the_first_are_taken_where_nothing_is_to_be_learnt(probs: Points) -> None:
    """One certain class, or one class: no information anywhere."""
    embeddings = np.random.default_rng(0).normal(size=(9, 4))
    for budget in (1, 4, 8, 9):
        assert bait(probs, embeddings, budget).tolist() == list(range(budget))


def test_a_second_copy_tells_less_than_another_sample() -> None:
    """Three copies and one sample of another direction: it is chosen, though the pool asks more for the copies."""
    embeddings = np.vstack([np.tile([3.0, 0.0], (3, 1)), [[0.0, 3.0]]])
    assert bait(np.full((4, 2), 0.5), embeddings, 2).tolist() == [0, 3]


@pytest.mark.parametrize("size", [1e4, 1e8])
def test_embeddings_far_larger_than_the_regularization_leave_a_choice(size: float) -> None:
    """The regularization alone would be lost among the roundings of such information: more of it takes its place."""
    rng = np.random.default_rng(0)
    probs, embeddings = rng.dirichlet(np.ones(10), 60), np.abs(rng.normal(size=(60, 64))) * size
    chosen = bait(probs, embeddings, 25)
    assert len(set(chosen.tolist())) == 25


@given(seed=st.integers(0, 100), factor=st.sampled_from([1 / 16, 4.0, 64.0]))
def test_the_regularization_is_measured_in_squared_embeddings(seed: int, factor: float) -> None:
    """Embeddings twice as long want four times the regularization, and give the same choice."""
    probs, embeddings = some(15, seed)
    longer = bait(probs, embeddings * factor**0.5, 4, regularization=factor)
    assert longer.tolist() == bait(probs, embeddings, 4).tolist()


def test_settings_without_meaning_are_refused() -> None:
    """No prior knowledge, no directions; centres of another width."""
    probs, embeddings = some(5, 0)
    for wrong in ({"regularization": 0.0}, {"class_directions": 0}, {"embedding_directions": 0}):
        with pytest.raises(InvalidInput, match="regularization must be positive and the directions at least 1"):
            bait(probs, embeddings, 2, **wrong)
    with pytest.raises(InvalidInput, match=r"centers must be \(N, 3\)"):
        bait(probs, embeddings, 2, probs, embeddings[:, :2])
