"""What every strategy promises, proved for each choice of ``strategy=``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
from choices import STRATEGIES, made
from numpy.typing import NDArray

from alframe.errors import InvalidInput, PoolExhausted
from alframe.functional import REDUCTIONS
from alframe.strategy import Scorer, ScoreStrategy, Strategy
from alframe.types import Need, Predictions, Selection

POOL, CLASSES, WIDTH, DRAWS, ROUNDS = 40, 4, 6, 5, 3


@pytest.fixture(params=STRATEGIES)
def choice(request: pytest.FixtureRequest) -> str:
    """Each name that the command line takes, in turn."""
    name: str = request.param
    return name


@pytest.fixture
def strategy(choice: str) -> Strategy:
    """The strategy of that name, made with its defaults."""
    return made(choice)


def _predict(needs: frozenset[Need], count: int = POOL, classes: int = CLASSES, seed: int = 0) -> Predictions:
    """Random predictions with the arrays in ``needs``, read-only, and nothing else but what the pool knows."""
    rng = np.random.default_rng(seed)
    arrays: dict[Need, NDArray[Any]] = {
        "probs": rng.dirichlet(np.ones(classes), size=count).astype(np.float32),
        "embeddings": rng.normal(size=(count, WIDTH)).astype(np.float32),
        "samples": rng.dirichlet(np.ones(classes), size=(count, DRAWS)).astype(np.float32),
        "head": np.random.default_rng(9).normal(size=(classes, WIDTH + 1)).astype(np.float32),
        "predicted_loss": rng.exponential(size=count).astype(np.float32),
        "history": rng.integers(0, classes, (count, ROUNDS)),
    }
    arrays.update({name: reduce(arrays["samples"]) for name, reduce in REDUCTIONS.items()})  # type: ignore[misc]
    for array in arrays.values():
        array.flags.writeable = False
    known: dict[str, Any] = {need: arrays[need] for need in needs}
    return Predictions(np.array([f"{seed}/{i:04}" for i in range(count)]), costs=rng.uniform(1, 2, count), **known)


def _labelled(needs: frozenset[Need], count: int, classes: int = CLASSES) -> Predictions:
    """Other predictions, with labels."""
    labels = np.random.default_rng(2).integers(0, classes, count)
    return replace(_predict(needs, count, classes, seed=1), labels=labels)


def _select(
    strategy: Strategy,
    unlabelled: Predictions,
    budget: int,
    seed: int = 0,
    labelled: Predictions | None = None,
) -> Selection:
    return strategy.select(unlabelled, budget, labelled=labelled, rng=np.random.default_rng(seed))


def assert_chosen(selection: Selection, budget: int, pool: int) -> None:
    """K distinct int64 positions within the pool, and a finite score for each, highest first, or none."""
    assert selection.positions.dtype == np.int64
    assert selection.positions.shape == (budget,)
    assert len(np.unique(selection.positions)) == budget
    assert selection.positions.min() >= 0
    assert selection.positions.max() < pool
    if selection.scores is not None:
        assert selection.scores.shape == (budget,)
        assert np.isfinite(selection.scores).all()
        assert (np.diff(selection.scores) <= 0).all()


def test_needs_are_arrays_that_a_learner_can_give(strategy: Strategy) -> None:
    """A need is a field of ``Predictions``."""
    assert strategy.needs <= set(get_args(Need))


@pytest.mark.parametrize("budget", [1, 7, POOL - 1, POOL])
@pytest.mark.parametrize("labelled", [None, 0, 9])
def test_it_chooses_k_distinct_samples(strategy: Strategy, budget: int, labelled: int | None) -> None:
    """From one sample to the whole pool; with labelled samples, with none, and with an empty set of them.

    The arrays hold what the strategy declares and nothing more, and cannot be written to.
    """
    known = None if labelled is None else _labelled(strategy.needs, labelled)
    selection = _select(strategy, _predict(strategy.needs), budget, labelled=known)
    assert_chosen(selection, budget, POOL)


def test_it_serves_a_pool_of_one(strategy: Strategy) -> None:
    """The only sample there is."""
    assert _select(strategy, _predict(strategy.needs, count=1), 1).positions.tolist() == [0]


@pytest.mark.parametrize("budget", [1, 5, 12])
def test_duplicate_images_are_chosen_once_each(strategy: Strategy, budget: int) -> None:
    """Twelve copies of one image are twelve samples: no position comes twice."""
    copies = _predict(strategy.needs).take(np.zeros(12, dtype=np.int64))
    assert_chosen(_select(strategy, copies, budget), budget, 12)


def test_it_serves_a_task_of_one_class(strategy: Strategy) -> None:
    """Where there is nothing to be unsure of, there is still a choice."""
    assert_chosen(_select(strategy, _predict(strategy.needs, classes=1), 7), 7, POOL)


def test_it_serves_a_learner_that_is_certain_of_one_class(strategy: Strategy) -> None:
    """Exact zeros and ones in every row and draw."""
    predictions = _predict(strategy.needs)
    certain = np.eye(1, CLASSES, dtype=np.float32)[0]
    for need in strategy.needs & {"probs", "samples"}:
        array = np.broadcast_to(certain, getattr(predictions, need).shape)
        predictions = replace(predictions, **{need: array})
    for need in strategy.needs & REDUCTIONS.keys():
        reduced: Any = REDUCTIONS[need](np.broadcast_to(certain, (POOL, DRAWS, CLASSES)))
        predictions = replace(predictions, **{need: reduced})
    assert_chosen(_select(strategy, predictions, 7), 7, POOL)


def test_the_same_seed_gives_the_same_choice(choice: str, strategy: Strategy) -> None:
    """Nothing but the generator is random: what others draw from global states changes nothing."""
    predictions, labelled = _predict(strategy.needs), _labelled(strategy.needs, 5)
    first = _select(strategy, predictions, 10, seed=3, labelled=labelled)
    _select(strategy, predictions, 10, seed=4, labelled=labelled)
    again = _select(made(choice), predictions, 10, seed=3, labelled=labelled)
    np.testing.assert_array_equal(first.positions, again.positions)


def test_another_seed_gives_another_choice_where_the_generator_is_read(strategy: Strategy) -> None:
    """A strategy that draws from the generator differs between seeds; one that does not is deterministic."""
    predictions = _predict(strategy.needs)
    rng = np.random.default_rng(0)
    before = rng.bit_generator.state
    strategy.select(predictions, 10, rng=rng)
    is_random = rng.bit_generator.state != before
    choices = {tuple(_select(strategy, predictions, 10, seed=seed).positions) for seed in range(5)}
    assert (len(choices) > 1) == is_random
    assert not (is_random and isinstance(strategy, Scorer))


def test_more_than_the_pool_holds_is_refused(strategy: Strategy) -> None:
    """The message says how many were asked for and how many there are."""
    with pytest.raises(PoolExhausted, match=f"cannot select {POOL + 1} samples: the pool holds {POOL}"):
        _select(strategy, _predict(strategy.needs), POOL + 1)
    with pytest.raises(PoolExhausted, match="the pool holds 0"):
        _select(strategy, _predict(strategy.needs, count=0), 1)


@pytest.mark.parametrize("budget", [0, -1])
def test_a_budget_under_one_is_refused(strategy: Strategy, budget: int) -> None:
    """Choosing nothing is a mistake of the caller."""
    with pytest.raises(InvalidInput, match="budget must be at least 1"):
        _select(strategy, _predict(strategy.needs), budget)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(strategy: Strategy, value: float) -> None:
    """NaN in any array that the strategy reads, or in all that it knows of the labelled, stops it."""
    clean, labelled = _predict(strategy.needs), _labelled(strategy.needs, 5)
    spoilt = {need: np.full_like(getattr(clean, need), value) for need in strategy.needs - {"history"}}
    for need, array in spoilt.items():
        with pytest.raises(InvalidInput, match="NaN or infinite"):
            _select(strategy, replace(clean, **{need: array}), 5, labelled=labelled)
    if strategy.uses_labelled and spoilt:
        broken = {need: np.full_like(getattr(labelled, need), value) for need in spoilt}
        with pytest.raises(InvalidInput, match="NaN or infinite"):
            _select(strategy, clean, 5, labelled=replace(labelled, **broken))


def test_missing_arrays_are_refused(strategy: Strategy) -> None:
    """The message names the array; the same goes for what is known of the labelled."""
    clean, labelled = _predict(strategy.needs), _labelled(strategy.needs, 5)
    for need in strategy.needs:
        nothing: dict[str, Any] = {need: None}
        with pytest.raises(InvalidInput, match=f"reads {need}, which were not predicted"):
            _select(strategy, replace(clean, **nothing), 5, labelled=labelled)
    if strategy.uses_labelled:
        with pytest.raises(
            InvalidInput, match=r"reads \w+, which were not predicted|the labelled samples have no labels"
        ):
            _select(strategy, clean, 5, labelled=Predictions(labelled.ids))


def test_arrays_with_other_rows_than_ids_are_refused(strategy: Strategy) -> None:
    """Positions would name the wrong samples."""
    clean, labelled = _predict(strategy.needs), _labelled(strategy.needs, 5)
    for need in strategy.needs - {"head"}:
        broken = replace(clean, **{need: getattr(clean, need)[:-1]})
        with pytest.raises(InvalidInput, match=f"{need} has {POOL - 1} rows for {POOL} sample ids"):
            _select(strategy, broken, 5, labelled=labelled)


def test_labelled_samples_matter_where_they_are_used(strategy: Strategy) -> None:
    """A strategy that declares ``uses_labelled`` chooses otherwise with them; another is not shown them."""
    pool = _predict(strategy.needs)
    # The samples that would be chosen first are labelled already: a strategy that looks goes elsewhere.
    first = _select(strategy, pool, 5).positions
    labelled = replace(pool.take(first), labels=np.arange(5) % CLASSES)
    without, given = _select(strategy, pool, 5), _select(strategy, pool, 5, labelled=labelled)
    assert np.array_equal(without.positions, given.positions) != strategy.uses_labelled


@pytest.mark.parametrize("choice", [name for name in STRATEGIES if isinstance(made(name), Scorer)])
def test_a_scorer_takes_the_highest_scores(choice: str) -> None:
    """Nothing that was left has a higher score than something that was taken; equal scores go by position."""
    strategy = made(choice)
    assert isinstance(strategy, Scorer)
    predictions, labelled = _predict(strategy.needs), _labelled(strategy.needs, 9)
    scores = strategy.scores(predictions, labelled if strategy.uses_labelled else None)
    if isinstance(strategy, ScoreStrategy):
        np.testing.assert_array_equal(scores, strategy.score(predictions))
    expected = sorted(range(POOL), key=lambda position: (-scores[position], position))[:10]
    selection = _select(strategy, predictions, 10, labelled=labelled)
    assert selection.positions.tolist() == expected
    assert selection.scores is not None
    np.testing.assert_array_equal(selection.scores, scores[expected])
