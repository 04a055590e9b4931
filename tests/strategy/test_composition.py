"""What strategies made of others choose, on pools where the answer is plain, and how their parts fit together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pools import chosen, pool

from alframe.errors import ConfigurationError, InvalidInput, PoolExhausted
from alframe.functional import entropy, margin
from alframe.strategy import (
    ClassBalanced,
    CoreSet,
    CostAware,
    Density,
    Entropy,
    KMeans,
    LeastConfidence,
    Margin,
    Mixture,
    Product,
    Random,
    Strategy,
    Stream,
    Subsampled,
    TwoStage,
    WithoutDuplicates,
)
from alframe.types import Predictions


@pytest.mark.parametrize(
    ("strategy", "needs", "uses_labelled"),
    [
        (TwoStage(shortlist=Margin(), choose=KMeans()), {"probs", "embeddings"}, False),
        (TwoStage(shortlist=CoreSet(), choose=Random()), {"embeddings"}, True),
        (Mixture(inner=Margin()), {"probs"}, False),
        (ClassBalanced(inner=KMeans()), {"probs", "embeddings"}, True),
        (CostAware(scorer=Density()), {"embeddings"}, False),
        (Subsampled(inner=Random()), set(), False),
        (WithoutDuplicates(inner=Random()), {"embeddings"}, True),
        (Product(scorers={"a": Margin(), "b": Density()}), {"probs", "embeddings"}, False),
        (Stream(scorer=Margin()), {"probs"}, False),
    ],
)
def test_a_composition_needs_what_its_parts_need(strategy: Strategy, needs: set[str], uses_labelled: bool) -> None:
    """And sees the labelled samples where a part does, or it does itself."""
    assert strategy.needs == needs
    assert strategy.uses_labelled == uses_labelled


def test_compositions_nest() -> None:
    """A part may be made of parts: what a two-stage choice within classes finds is still distinct and K."""
    inner = TwoStage(shortlist=Mixture(inner=Margin()), choose=CoreSet(), factor=2)
    strategy = WithoutDuplicates(inner=ClassBalanced(inner=Subsampled(inner=inner, size=9)))
    assert strategy.needs == {"probs", "embeddings"}
    assert len(set(chosen(strategy, pool(40), 12, pool(5, seed=1, labels=np.zeros(5, dtype=np.int64))))) == 12


def test_parts_read_no_array_that_they_did_not_ask_for() -> None:
    """A part is shown its own needs and nothing else, as if it ran alone."""

    class Nosy(Random):
        def _choose(self, unlabelled: Predictions, *rest: Any) -> Any:
            assert unlabelled.probs is None
            assert unlabelled.embeddings is None
            return super()._choose(unlabelled, *rest)

    assert len(chosen(TwoStage(shortlist=Nosy(), choose=Margin()), pool(20), 3)) == 3


@given(seed=st.integers(0, 99), budget=st.integers(1, 20), factor=st.sampled_from([1.0, 1.5, 4.0]))
def test_two_stages_choose_from_the_shortlist(seed: int, budget: int, factor: float) -> None:
    """Entropy's choice among the ceil(factor * K) that margin puts first, by the definition."""
    predictions = pool(20, seed)
    assert predictions.probs is not None
    length = int(np.ceil(factor * budget))
    shortlist = np.argsort(-margin(predictions.probs), kind="stable")[:length].tolist()
    entropies = entropy(predictions.probs)
    wanted = sorted(shortlist, key=lambda position: -entropies[position])[:budget]
    strategy = TwoStage(shortlist=Margin(), choose=Entropy(), factor=factor)
    assert chosen(strategy, predictions, budget) == wanted


def test_a_mixture_holds_its_share_in_the_long_run() -> None:
    """With a share of 0.3, one of 1000 single choices is random 300 times, give or take four standard deviations."""
    predictions = pool(1000)
    best = chosen(Margin(), predictions, 1)
    mixture = Mixture(inner=Margin(), share=0.3)
    others = sum(chosen(mixture, predictions, 1, seed=seed) != best for seed in range(1000))
    assert abs(others - 300) < 4 * np.sqrt(1000 * 0.3 * 0.7) + 1


@given(share=st.floats(0, 1), budget=st.integers(1, 15), seed=st.integers(0, 99))
def test_a_mixture_is_the_first_choices_of_both_without_repetition(share: float, budget: int, seed: int) -> None:
    """Margin's first, then those that entropy wants most among the others, so many as the share says."""
    predictions = pool(15, seed)
    batch = chosen(Mixture(inner=Margin(), other=Entropy(), share=share), predictions, budget, seed=seed)
    splits = []
    for others in (int(np.floor(share * budget)), int(np.floor(share * budget)) + 1):
        first = chosen(Margin(), predictions, budget - others) if others < budget else []
        second = [position for position in chosen(Entropy(), predictions, 15) if position not in first]
        splits.append(first + second[:others])
    assert batch in splits


def certain_of(*classes: int) -> Predictions:
    """Samples of these predicted classes, each less certain than the one before it."""
    count = len(classes)
    probs = np.full((count, 3), 0.0)
    probs[np.arange(count), classes] = 0.9 - 0.01 * np.arange(count)
    return pool(count, probs=probs + (1 - probs.sum(axis=1, keepdims=True)) / 3)


def test_classes_short_of_labels_get_more() -> None:
    """Two labels of class 0, one of class 1: of three, two go to class 2 and one to class 1, least confident first."""
    unlabelled = certain_of(0, 0, 0, 1, 1, 1, 2, 2, 2)
    labelled = pool(3, seed=1, labels=np.array([0, 0, 1]))
    strategy = ClassBalanced(inner=LeastConfidence())
    assert chosen(strategy, unlabelled, 3, labelled) == [8, 5, 7]
    assert sorted(chosen(strategy, unlabelled, 3)) == [2, 5, 8]


def test_a_target_is_followed_and_what_a_class_lacks_goes_to_the_others() -> None:
    """Four of class 2 are wanted and there is one: the rest goes where it is missed most."""
    unlabelled = certain_of(0, 0, 0, 1, 1, 1, 2)
    strategy = ClassBalanced(inner=LeastConfidence(), target=[0.0, 1.0, 4.0])
    assert chosen(strategy, unlabelled, 5) == [6, 5, 4, 3, 2]


def test_labels_and_targets_of_other_classes_are_refused() -> None:
    """The learner's classes are the only ones."""
    with pytest.raises(InvalidInput, match="labels run from 0 to 3, and the learner knows 3 classes"):
        chosen(ClassBalanced(inner=Margin()), pool(9), 2, pool(2, seed=1, labels=np.array([0, 3])))
    with pytest.raises(ConfigurationError, match=r"^target has 2 shares and the learner knows 3 classes"):
        chosen(ClassBalanced(inner=Margin(), target=[1.0, 1.0]), pool(9), 2)


def test_labels_are_bought_where_they_are_cheap() -> None:
    """Per unit of cost the second is worth most; with an exponent of zero the cost is no matter."""
    probs = np.array([[0.5, 0.5], [0.7, 0.3], [0.9, 0.1]])
    predictions = pool(3, probs=probs, costs=np.array([4.0, 1.0, 0.5]))
    assert chosen(CostAware(scorer=LeastConfidence()), predictions, 3) == [1, 2, 0]
    assert chosen(CostAware(scorer=LeastConfidence(), exponent=0.0), predictions, 3) == [0, 1, 2]
    assert chosen(CostAware(scorer=LeastConfidence()), pool(3, probs=probs), 3) == [0, 1, 2]


def test_a_batch_costs_no_more_than_it_may() -> None:
    """Fewer samples than were asked for, at least one, and an error where nothing can be paid for."""
    predictions = pool(20, costs=np.linspace(1, 5, 20))
    strategy = CostAware(scorer=Margin(), cost_budget=9.0)
    batch = strategy.select(predictions, 20, rng=np.random.default_rng(0))
    assert predictions.costs is not None
    assert predictions.costs[batch.positions].sum() <= 9.0
    assert 1 < len(batch.positions) < 20
    assert chosen(strategy, predictions, 2) == chosen(CostAware(scorer=Margin()), predictions, 2)
    with pytest.raises(PoolExhausted, match=r"a single label with 0\.5: the cheapest costs 1"):
        chosen(CostAware(scorer=Margin(), cost_budget=0.5), predictions, 2)


def test_a_subsample_is_uniform_and_its_best_are_chosen() -> None:
    """Every sample is drawn equally often, the choice is margin's among those, and K is served from a small one."""
    predictions = pool(10)
    strategy = Subsampled(inner=Margin(), size=4)
    drawn = np.concatenate([chosen(Subsampled(inner=Margin(), size=5), predictions, 5, seed=s) for s in range(1000)])
    assert (np.abs(np.bincount(drawn, minlength=10) - 500) < 4 * np.sqrt(1000 * 0.25)).all()
    order = chosen(Margin(), predictions, 10)
    firsts = [order.index(chosen(strategy, predictions, 1, seed=seed)[0]) for seed in range(200)]
    assert max(firsts) <= 6
    assert sorted(chosen(strategy, predictions, 10)) == list(range(10))


def unique_directions() -> Predictions:
    """Eight samples of four kinds: each of the last four is a near-copy of one of the first."""
    kinds = np.eye(4)
    return pool(8, embeddings=np.vstack([kinds, kinds + 0.01]))


def test_near_duplicates_are_left_out_while_there_is_anything_else() -> None:
    """Four of four kinds; of more, all kinds come first; what resembles a labelled sample comes last of all."""
    predictions = unique_directions()
    strategy = WithoutDuplicates(inner=Random())
    for seed in range(10):
        assert {position % 4 for position in chosen(strategy, predictions, 4, seed=seed)} == {0, 1, 2, 3}
        six = chosen(strategy, predictions, 6, seed=seed)
        assert {position % 4 for position in six[:4]} == {0, 1, 2, 3}
        labelled = pool(1, seed=1, embeddings=np.array([[0.0, 0.0, 7.0, 0.0]]), labels=np.array([0]))
        eight = chosen(strategy, predictions, 8, labelled, seed=seed)
        assert {position % 4 for position in eight[:3]} == {0, 1, 3}
        assert len(set(eight)) == 8


@given(seed=st.integers(0, 999), budget=st.integers(1, 12), similarity=st.sampled_from([0.5, 0.9]))
def test_a_scorer_without_duplicates_is_the_walk_down_its_ranking(seed: int, budget: int, similarity: float) -> None:
    """The definition: take the best that resembles nothing taken or labelled, while there are any."""
    predictions, labelled = pool(30, seed), pool(3, seed + 1, labels=np.zeros(3, dtype=np.int64))
    assert predictions.embeddings is not None
    assert labelled.embeddings is not None
    units = predictions.embeddings / np.linalg.norm(predictions.embeddings, axis=1, keepdims=True)
    taken = list(labelled.embeddings / np.linalg.norm(labelled.embeddings, axis=1, keepdims=True))
    walk = []
    for position in chosen(Margin(), predictions, 30):
        if max(float(units[position] @ other) for other in taken) < similarity:
            walk.append(position)
            taken.append(units[position])
    batch = chosen(WithoutDuplicates(inner=Margin(), similarity=similarity), predictions, budget, labelled)
    assert batch[: len(walk)] == walk[:budget]


@pytest.mark.parametrize("inner", [CoreSet(), KMeans(), Margin()])
def test_where_nothing_is_alike_the_inner_strategy_decides(inner: Strategy) -> None:
    """Without near-duplicates the choice is what it would have been."""
    predictions = pool(8, embeddings=np.eye(8) + 0.1 * np.random.default_rng(0).normal(size=(8, 8)))
    assert chosen(WithoutDuplicates(inner=inner), predictions, 4) == chosen(inner, predictions, 4)


def test_a_product_wants_all_of_its_scores() -> None:
    """The most uncertain is an outlier and the most typical is certain: second in both wins, unless strengths shift."""
    probs = np.array([[0.5, 0.5], [0.6, 0.4], [0.9, 0.1], [0.95, 0.05]])
    embeddings = np.array([[-1.0, 0.2], [1.0, 0.3], [1.0, 0.0], [1.0, -0.4]])
    predictions = pool(4, probs=probs, embeddings=embeddings)
    scorers = {"uncertainty": Margin(), "typicality": Density()}
    assert chosen(Margin(), predictions, 1) == [0]
    assert chosen(Density(), predictions, 1) == [2]
    assert chosen(Product(scorers=scorers), predictions, 1) == [1]
    assert chosen(Product(scorers=scorers, strengths={"typicality": 0.0}), predictions, 1) == [0]
    assert chosen(Product(scorers=scorers, strengths={"uncertainty": 0.1}), predictions, 1) == [2]


def test_a_stream_asks_for_the_uncertain_more_often() -> None:
    """The mean margin of what is asked for lies above the pool's, whatever the order."""
    predictions = pool(3000)
    assert predictions.probs is not None
    margins = margin(predictions.probs)
    batches = [chosen(Stream(scorer=Margin(), spread=0.0), predictions, 300, seed=seed) for seed in range(3)]
    assert all(margins[batch].mean() > margins.mean() + 0.1 for batch in batches)
    assert len({tuple(batch) for batch in batches}) == 3
