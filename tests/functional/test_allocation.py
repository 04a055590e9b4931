"""Turns for classes against every way to share them out; what the money buys against every batch."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from alframe.errors import InvalidInput, PoolExhausted
from alframe.functional import affordable, balanced_classes, score_per_cost

few = st.lists(st.integers(0, 4), min_size=3, max_size=3)


@given(counts=few, available=few, target=st.none() | few, budget=st.integers(1, 6))
def test_no_other_way_to_share_out_the_turns_comes_nearer_to_the_target(
    counts: list[int], available: list[int], target: list[int] | None, budget: int
) -> None:
    """The least chi-squared distance, against every way; classes without a target get what no other can take."""
    assume(sum(available) >= budget and (target is None or sum(target) > 0))
    shares = np.array([1, 1, 1] if target is None else target)
    wanted = shares / shares.sum() * (sum(counts) + budget)

    def distance(added: tuple[int, ...]) -> tuple[float, float]:
        unwanted, reached = float(np.array(added)[shares == 0].sum()), np.array(counts) + added
        return unwanted, float(((reached - wanted)[shares > 0] ** 2 / wanted[shares > 0]).sum())

    turns = balanced_classes(np.array(counts), np.array(available), budget, target)
    added = np.bincount(turns, minlength=3)
    ways = (way for way in product(*(range(n + 1) for n in available)) if sum(way) == budget)
    assert (added <= available).all()
    assert distance(tuple(added.tolist())) == pytest.approx(min(distance(way) for way in ways))


@given(counts=few, available=few, target=st.none() | few, budget=st.integers(2, 6))
def test_a_shorter_batch_is_the_start_of_a_longer_one(
    counts: list[int], available: list[int], target: list[int] | None, budget: int
) -> None:
    """Turns come in the order of need, so that every start of a batch is as near to the target as it can be."""
    assume(sum(available) >= budget and (target is None or sum(target) > 0))
    whole = balanced_classes(np.array(counts), np.array(available), budget, target)
    start = balanced_classes(np.array(counts), np.array(available), budget - 1, target)
    assert start.tolist() == whole[:-1].tolist()


@given(counts=few, available=few, target=few, budget=st.integers(1, 6), order=st.permutations(range(3)))
def test_renamed_classes_get_the_same_turns(
    counts: list[int], available: list[int], target: list[int], budget: int, order: list[int]
) -> None:
    """Where no two classes are equally short, their order is no matter."""
    assume(sum(available) >= budget and sum(target) > 0)
    need = {(counts[c] + turn + 0.5) / max(target[c], 1e-12) for c in range(3) for turn in range(budget)}
    assume(len(need) == 3 * budget)
    turns = balanced_classes(np.array(counts), np.array(available), budget, target)
    renamed = balanced_classes(
        np.array(counts)[order], np.array(available)[order], budget, np.array(target, dtype=float)[order]
    )
    assert [order[turn] for turn in renamed] == turns.tolist()


def test_one_class_takes_all_turns_and_a_target_of_zero_takes_none_while_others_are_left() -> None:
    """The ends of the range."""
    assert balanced_classes(np.array([5]), np.array([3]), 3).tolist() == [0, 0, 0]
    assert balanced_classes(np.array([0, 0]), np.array([9, 2]), 3, [0.0, 1.0]).tolist() == [1, 1, 0]


def test_turns_that_cannot_be_shared_out_are_refused() -> None:
    """Other lengths, negative numbers, a target of nothing, and more turns than candidates."""
    two = np.array([1, 1])
    with pytest.raises(InvalidInput, match="one number per class"):
        balanced_classes(two, two, 1, [1.0, 1.0, 1.0])
    with pytest.raises(InvalidInput, match="negative"):
        balanced_classes(np.array([-1, 1]), two, 1)
    for target in ([0.0, 0.0], [-1.0, 2.0], [np.nan, 1.0]):
        with pytest.raises(InvalidInput, match="target must hold shares"):
            balanced_classes(two, two, 1, target)
    with pytest.raises(PoolExhausted, match="cannot select 3 samples: the pool holds 2"):
        balanced_classes(two, two, 3)


def test_a_score_per_cost_prefers_the_cheap_as_far_as_the_exponent_says() -> None:
    """Zero ignores the cost, one divides by it, two prefers cheap labels more."""
    scores, costs = np.array([2.0, 3.0]), np.array([1.0, 2.0])
    assert score_per_cost(scores, costs, 0).tolist() == [2.0, 3.0]
    assert score_per_cost(scores, costs).tolist() == [2.0, 1.5]
    assert score_per_cost(scores, costs, 2).tolist() == [2.0, 0.75]


@pytest.mark.parametrize(
    ("scores", "costs", "message"),
    [
        ([-1.0, 1.0], [1.0, 1.0], "scores that are not negative"),
        ([np.nan, 1.0], [1.0, 1.0], "finite scores"),
        ([1.0, 1.0], [0.0, 1.0], "larger than zero"),
        ([1.0, 1.0], [np.inf, 1.0], "costs that are finite"),
        ([1.0], [1.0, 1.0], r"must both be \(N,\)"),
    ],
)
def test_scores_and_costs_that_mean_nothing_together_are_refused(
    scores: list[float], costs: list[float], message: str
) -> None:
    """A dear label would improve a negative score, and one that costs nothing is worth everything."""
    with pytest.raises(InvalidInput, match=message):
        score_per_cost(np.array(scores), np.array(costs))


@given(
    scores=st.lists(st.integers(0, 9), min_size=7, max_size=7),
    costs=st.lists(st.integers(1, 9), min_size=7, max_size=7),
    limit=st.integers(9, 40),
)
def test_the_best_batch_is_worth_at_most_one_sample_more(scores: list[int], costs: list[int], limit: int) -> None:
    """Dantzig's bound: what fits by score per cost, and one more sample, outweigh every batch within the limit."""
    order = sorted(range(7), key=lambda i: -scores[i] / costs[i])
    taken = affordable(np.array(costs, dtype=float)[order], limit, 7)
    reached = sum(scores[order[position]] for position in taken)
    assert sum(costs[order[position]] for position in taken) <= limit
    batches = (batch for size in range(8) for batch in combinations(range(7), size))
    best = max(sum(scores[i] for i in batch) for batch in batches if sum(costs[i] for i in batch) <= limit)
    assert reached >= best - max(scores)


def test_money_stops_where_it_ends() -> None:
    """What is too dear is passed over, rounding is no obstacle, K ends it early, and nothing at all is an error."""
    assert affordable(np.array([5.0, 1.0, 9.0, 1.0]), 7.0, 4).tolist() == [0, 1, 3]
    assert affordable(np.array([0.1, 0.2]), 0.3, 2).tolist() == [0, 1]
    assert affordable(np.array([1.0, 1.0, 1.0]), 9.0, 2).tolist() == [0, 1]
    with pytest.raises(PoolExhausted, match="a single label with 2: the cheapest costs 3"):
        affordable(np.array([4.0, 3.0]), 2.0, 1)
