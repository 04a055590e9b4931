"""What every strategy promises, proved for each one that ``alframe.strategy`` exports."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest

import alframe.strategy
from alframe.errors import InvalidInput, PoolExhausted
from alframe.strategy import ScoreStrategy, Strategy
from alframe.types import Need, Predictions, Selection

POOL, CLASSES, WIDTH, DRAWS = 40, 4, 6, 5


def _concrete_strategies() -> list[type[Strategy]]:
    exported = (getattr(alframe.strategy, name) for name in alframe.strategy.__all__)
    classes = [thing for thing in exported if inspect.isclass(thing) and issubclass(thing, Strategy)]
    return [strategy for strategy in classes if not inspect.isabstract(strategy)]


@pytest.fixture(params=_concrete_strategies(), ids=lambda strategy: strategy.__name__)
def strategy(request: pytest.FixtureRequest) -> Strategy:
    """Each exported strategy in turn, made with its defaults."""
    made: Strategy = request.param()
    return made


def _predict(needs: frozenset[Need], count: int = POOL, classes: int = CLASSES, seed: int = 0) -> Predictions:
    """Random predictions with the arrays in ``needs``, read-only, and nothing else."""
    rng = np.random.default_rng(seed)
    arrays = {
        "probs": rng.dirichlet(np.ones(classes), size=count).astype(np.float32),
        "embeddings": rng.normal(size=(count, WIDTH)).astype(np.float32),
        "samples": rng.dirichlet(np.ones(classes), size=(count, DRAWS)).astype(np.float32),
    }
    for array in arrays.values():
        array.flags.writeable = False
    return Predictions(np.array([f"{i:04}" for i in range(count)]), **{need: arrays[need] for need in needs})


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


def _subclasses(base: type) -> Iterator[type]:
    child: type
    for child in base.__subclasses__():
        yield child
        yield from _subclasses(child)


def test_no_strategy_escapes_the_contract() -> None:
    """Every concrete subclass that any module of the room defines is exported, and so is tested below."""
    for module in pkgutil.iter_modules(alframe.strategy.__path__):
        importlib.import_module(f"alframe.strategy.{module.name}")
    defined = {
        child
        for child in _subclasses(Strategy)
        if child.__module__.startswith("alframe.strategy.") and not inspect.isabstract(child)
    }
    assert defined == set(_concrete_strategies())


def test_needs_are_arrays_that_a_learner_can_give(strategy: Strategy) -> None:
    """A need is a field of ``Predictions``."""
    assert strategy.needs <= set(get_args(Need))


@pytest.mark.parametrize("budget", [1, 7, POOL - 1, POOL])
@pytest.mark.parametrize("labelled", [None, 0, 9])
def test_it_chooses_k_distinct_samples(strategy: Strategy, budget: int, labelled: int | None) -> None:
    """From one sample to the whole pool; with labelled samples, with none, and with an empty set of them.

    The arrays hold what the strategy declares and nothing more, and cannot be written to.
    """
    known = None if labelled is None else _predict(strategy.needs, labelled, seed=1)
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
    for need in strategy.needs - {"embeddings"}:
        array = np.broadcast_to(certain, getattr(predictions, need).shape)
        predictions = replace(predictions, **{need: array})
    assert_chosen(_select(strategy, predictions, 7), 7, POOL)


def test_the_same_seed_gives_the_same_choice(strategy: Strategy) -> None:
    """Nothing but the generator is random: what others draw from global states changes nothing."""
    predictions, labelled = _predict(strategy.needs), _predict(strategy.needs, 5, seed=1)
    first = _select(strategy, predictions, 10, seed=3, labelled=labelled)
    _select(strategy, predictions, 10, seed=4, labelled=labelled)
    again = _select(type(strategy)(), predictions, 10, seed=3, labelled=labelled)
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
    assert not (is_random and isinstance(strategy, ScoreStrategy))


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
    """One NaN in any array that the strategy reads, also among the labelled, stops it."""
    clean = _predict(strategy.needs)
    for need in strategy.needs:
        spoilt = getattr(clean, need).copy()
        spoilt[3, ..., 0] = value
        broken = replace(clean, **{need: spoilt})
        with pytest.raises(InvalidInput, match="NaN or infinite"):
            _select(strategy, broken, 5)
        if strategy.uses_labelled:
            with pytest.raises(InvalidInput, match="NaN or infinite"):
                _select(strategy, clean, 5, labelled=broken)


def test_missing_arrays_are_refused(strategy: Strategy) -> None:
    """The message names the array, also where it is missing among the labelled."""
    clean = _predict(strategy.needs)
    for need in strategy.needs:
        nothing: dict[str, Any] = {need: None}
        broken = replace(clean, **nothing)
        with pytest.raises(InvalidInput, match=f"reads {need}, which were not predicted"):
            _select(strategy, broken, 5)
        if strategy.uses_labelled:
            with pytest.raises(InvalidInput, match=f"reads {need}, which were not predicted"):
                _select(strategy, clean, 5, labelled=broken)


def test_arrays_with_other_rows_than_ids_are_refused(strategy: Strategy) -> None:
    """Positions would name the wrong samples."""
    clean = _predict(strategy.needs)
    for need in strategy.needs:
        broken = replace(clean, **{need: getattr(clean, need)[:-1]})
        with pytest.raises(InvalidInput, match=f"{need} has {POOL - 1} rows for {POOL} sample ids"):
            _select(strategy, broken, 5)


def test_labelled_samples_matter_where_they_are_used(strategy: Strategy) -> None:
    """A strategy that declares ``uses_labelled`` chooses otherwise with them; another is not shown them."""
    pool = _predict(strategy.needs)
    # The samples that would be chosen first are labelled already: a strategy that looks goes elsewhere.
    labelled = pool.take(_select(strategy, pool, 5).positions)
    without, given = _select(strategy, pool, 5), _select(strategy, pool, 5, labelled=labelled)
    assert np.array_equal(without.positions, given.positions) != strategy.uses_labelled


@pytest.mark.parametrize("kind", [kind for kind in _concrete_strategies() if issubclass(kind, ScoreStrategy)])
def test_a_score_strategy_takes_the_highest_scores(kind: type[ScoreStrategy]) -> None:
    """Nothing that was left has a higher score than something that was taken; equal scores go by position."""
    strategy = kind()
    predictions = _predict(strategy.needs)
    scores = strategy.score(predictions)
    expected = sorted(range(POOL), key=lambda position: (-scores[position], position))[:10]
    selection = _select(strategy, predictions, 10)
    assert selection.positions.tolist() == expected
    assert selection.scores is not None
    np.testing.assert_array_equal(selection.scores, scores[expected])
