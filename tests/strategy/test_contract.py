"""What every strategy promises, proved for each choice of ``strategy=``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
from choices import STRATEGIES, made
from detections import random_detections, random_objects
from numpy.typing import NDArray

from alframe.errors import InvalidInput, PoolExhausted
from alframe.functional import REDUCTIONS
from alframe.strategy import Scorer, ScoreStrategy, Strategy
from alframe.types import Need, Predictions, Selection

POOL, CLASSES, WIDTH, DRAWS, ROUNDS = 40, 4, 6, 5, 3
BOXES: frozenset[Need] = frozenset({"boxes", "box_probs", "box_samples", "box_draws", "box_embeddings"})
"""Arrays in which NaN means that an image has no further detection."""

WHOLE: frozenset[Need] = frozenset({"history", "pixel_classes"})
"""Arrays of whole numbers, which cannot be NaN."""


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
        "missed": rng.exponential(size=count).astype(np.float32),
        "pixel_classes": rng.integers(0, classes + 1, (count, 5, 6), dtype=np.uint8),
        "pixel_entropy": rng.uniform(0, np.log(classes + 1), (count, 5, 6)).astype(np.float32),
        "pixel_margin": rng.uniform(size=(count, 5, 6)).astype(np.float32),
        "pixel_bald": rng.uniform(0, 0.1, (count, 5, 6)).astype(np.float32),
    }
    arrays.update(random_detections(count, classes, seed))  # type: ignore[arg-type]
    arrays.update({name: reduce(arrays["samples"]) for name, reduce in REDUCTIONS.items()})  # type: ignore[misc]
    for array in arrays.values():
        array.flags.writeable = False
    known: dict[str, Any] = {need: arrays[need] for need in needs}
    return Predictions(np.array([f"{seed}/{i:04}" for i in range(count)]), costs=rng.uniform(1, 2, count), **known)


def _labelled(needs: frozenset[Need], count: int, classes: int = CLASSES) -> Predictions:
    """Other predictions, with labels."""
    labels, objects = np.random.default_rng(2).integers(0, classes, count), random_objects(count, classes)
    return replace(_predict(needs, count, classes, seed=1), labels=labels, objects=objects)


def _with_detections(strategy: Strategy, **chosen: Any) -> Predictions:
    """Predictions of what the strategy needs whose detections are ``random_detections`` of these."""
    detections = random_detections(POOL, CLASSES, **chosen)
    read: dict[str, Any] = {need: detections[need] for need in strategy.needs & BOXES}
    return replace(_predict(strategy.needs), **read)


def _select(
    strategy: Strategy,
    unlabelled: Predictions,
    budget: int,
    seed: int = 0,
    labelled: Predictions | None = None,
) -> Selection:
    return strategy.select(unlabelled, budget, labelled=labelled, rng=np.random.default_rng(seed))


def assert_chosen(selection: Selection, budget: int, pool: int, strategy: Strategy) -> None:
    """K distinct int64 positions within the pool, and a finite score for each, highest first, or none.

    A strategy that may choose fewer than K chooses one at least.
    """
    chosen = len(selection.positions)
    assert chosen == budget or (strategy.may_choose_fewer and 1 <= chosen < budget)
    assert selection.positions.dtype == np.int64
    assert selection.positions.shape == (chosen,)
    assert len(np.unique(selection.positions)) == chosen
    assert selection.positions.min() >= 0
    assert selection.positions.max() < pool
    if selection.scores is not None:
        assert selection.scores.shape == (chosen,)
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
    assert_chosen(selection, budget, POOL, strategy)


def test_it_serves_a_pool_of_one(strategy: Strategy) -> None:
    """The only sample there is."""
    assert _select(strategy, _predict(strategy.needs, count=1), 1).positions.tolist() == [0]


@pytest.mark.parametrize("budget", [1, 5, 12])
def test_duplicate_images_are_chosen_once_each(strategy: Strategy, budget: int) -> None:
    """Twelve copies of one image are twelve samples: no position comes twice."""
    copies = _predict(strategy.needs).take(np.zeros(12, dtype=np.int64))
    assert_chosen(_select(strategy, copies, budget), budget, 12, strategy)


def test_it_serves_a_task_of_one_class(strategy: Strategy) -> None:
    """Where there is nothing to be unsure of, there is still a choice."""
    assert_chosen(_select(strategy, _predict(strategy.needs, classes=1), 7), 7, POOL, strategy)


def test_it_serves_a_learner_that_is_certain_of_one_class(strategy: Strategy) -> None:
    """Exact zeros and ones in every row and draw."""
    predictions = _predict(strategy.needs)
    certain = np.eye(1, CLASSES, dtype=np.float32)[0]
    for need in strategy.needs & {"probs", "samples"}:
        array = np.broadcast_to(certain, getattr(predictions, need).shape)
        predictions = replace(predictions, **{need: array})
    for need in strategy.needs & {"box_probs", "box_samples"}:
        array = getattr(predictions, need).copy()
        array[~np.isnan(array).any(axis=-1)] = np.eye(1, CLASSES + 1, dtype=np.float32)[0]
        predictions = replace(predictions, **{need: array})
    for need in strategy.needs & REDUCTIONS.keys():
        reduced: Any = REDUCTIONS[need](np.broadcast_to(certain, (POOL, DRAWS, CLASSES)))
        predictions = replace(predictions, **{need: reduced})
    assert_chosen(_select(strategy, predictions, 7), 7, POOL, strategy)


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
    """NaN in any array that the strategy reads, or in all that it knows of the labelled, stops it.

    Where NaN stands for no further detection, it is refused inside a detection, and before one.
    """
    clean, labelled = _predict(strategy.needs), _labelled(strategy.needs, 5)
    spoilt = {need: _spoilt(clean, need, value) for need in strategy.needs - WHOLE}
    for need, array in spoilt.items():
        with pytest.raises(InvalidInput, match="NaN or infinite"):
            _select(strategy, replace(clean, **{need: array}), 5, labelled=labelled)
    if strategy.uses_labelled and spoilt:
        broken = {need: _spoilt(labelled, need, value) for need in spoilt}
        with pytest.raises(InvalidInput, match="NaN or infinite"):
            _select(strategy, clean, 5, labelled=replace(labelled, **broken))


def _spoilt(predictions: Predictions, need: Need, value: float) -> NDArray[Any]:
    array = getattr(predictions, need)
    if need not in BOXES:
        return np.full_like(array, value)
    array = array.copy()
    several = np.isfinite(array).all(axis=tuple(range(2, array.ndim))).sum(axis=1).argmax()
    array[several, 0] = value  # before others
    return np.asarray(array)


def test_missing_arrays_are_refused(strategy: Strategy) -> None:
    """The message names the array; the same goes for what is known of the labelled."""
    clean, labelled = _predict(strategy.needs), _labelled(strategy.needs, 5)
    for need in strategy.needs:
        nothing: dict[str, Any] = {need: None}
        with pytest.raises(InvalidInput, match=f"reads {need}, which were not predicted"):
            _select(strategy, replace(clean, **nothing), 5, labelled=labelled)
    if strategy.uses_labelled:
        with pytest.raises(
            InvalidInput, match=r"reads \w+, which were not predicted|the labelled \w+ have no (labels|objects)"
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
    count = len(first)
    labels, objects = np.arange(count) % CLASSES, random_objects(count, CLASSES, seed=3)
    labelled = replace(pool.take(first), labels=labels, objects=objects)
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


OF_BOXES = [name for name in STRATEGIES if made(name).needs & BOXES]


@pytest.mark.parametrize("choice", OF_BOXES)
@pytest.mark.parametrize("budget", [1, 7, POOL])
def test_it_serves_images_without_any_detection(strategy: Strategy, budget: int) -> None:
    """All images are without, some are, or none: there is a choice, and a finite score where there is one."""
    for found in (np.zeros(POOL, dtype=np.int64), np.arange(POOL) % 3, np.full(POOL, 6)):
        labelled = _labelled(strategy.needs, 9)
        selection = _select(strategy, _with_detections(strategy, found=found), budget, labelled=labelled)
        assert_chosen(selection, budget, POOL, strategy)


@pytest.mark.parametrize("choice", OF_BOXES)
def test_it_serves_a_learner_that_found_nothing_anywhere(strategy: Strategy) -> None:
    """Arrays for K = 0 detections, in the pool and among the labelled."""
    nothing = _with_detections(strategy, most=0)
    labelled = replace(nothing.take(np.arange(3)), objects=random_objects(3, CLASSES))
    for known in (None, labelled):
        assert_chosen(_select(strategy, nothing, 7, labelled=known), 7, POOL, strategy)


@pytest.mark.parametrize("choice", OF_BOXES)
def test_it_serves_images_of_hundreds_of_detections(strategy: Strategy) -> None:
    """K = 300, all of which some images have."""
    found = np.where(np.arange(POOL) % 4 == 0, 300, 2)
    crowded = _with_detections(strategy, most=300, found=found)
    assert_chosen(_select(strategy, crowded, 7, labelled=_labelled(strategy.needs, 9)), 7, POOL, strategy)


@pytest.mark.parametrize("choice", OF_BOXES)
def test_it_reads_detections_in_half_precision(strategy: Strategy) -> None:
    """As predictions are kept on disk."""
    halves = _with_detections(strategy, dtype=np.float16)
    assert_chosen(_select(strategy, halves, 7, labelled=_labelled(strategy.needs, 9)), 7, POOL, strategy)


@pytest.mark.parametrize("choice", OF_BOXES)
def test_longer_padding_changes_nothing(strategy: Strategy) -> None:
    """Rows of NaN beyond the last detection, as images of other batches would add."""
    plain = _with_detections(strategy)
    longer = plain
    for need in strategy.needs & BOXES:
        array = getattr(plain, need)
        padding = np.full((len(array), 4, *array.shape[2:]), np.nan, dtype=array.dtype)
        longer = replace(longer, **{need: np.concatenate([array, padding], axis=1)})
    labelled = _labelled(strategy.needs, 9)
    expected = _select(strategy, plain, 10, labelled=labelled).positions
    np.testing.assert_array_equal(_select(strategy, longer, 10, labelled=labelled).positions, expected)


@pytest.mark.parametrize("choice", [name for name in OF_BOXES if len(made(name).needs & BOXES) > 1])
def test_arrays_of_different_detections_are_refused(strategy: Strategy) -> None:
    """What one array has and another has not belongs to different passes."""
    plain = _with_detections(strategy)
    for need in strategy.needs & BOXES:
        array = getattr(plain, need).copy()
        array[np.isfinite(array[:, 0]).reshape(POOL, -1).all(axis=1).argmax()] = np.nan
        with pytest.raises(InvalidInput, match="have not the same detections in 1 images"):
            _select(strategy, replace(plain, **{need: array}), 5)
