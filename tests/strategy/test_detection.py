"""What strategies for detectors make of boxes, where the answer is plain, and how they fit into compositions."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from detections import random_detections, random_objects
from pools import chosen

from alframe.errors import ConfigurationError, InvalidInput
from alframe.functional import (
    box_entropy,
    box_least_confidence,
    consistency,
    expected_boxes,
    image_scores,
    localisation_stability,
)
from alframe.strategy import (
    BoxBudget,
    BoxCostAware,
    BoxEntropy,
    BoxLeastConfidence,
    ClassComplementarity,
    Consistency,
    CostAware,
    ExpectedMisses,
    HardNegatives,
    LocalisationStability,
    Mixture,
    Ppal,
    Random,
    RareClasses,
    ScoreStrategy,
    Strategy,
    TwoStage,
)
from alframe.types import Object, Objects, Predictions, label_array

EMPTY = np.array([3, 0, 2, 6, 1, 0, 4, 5])
"""How many detections images have: the second and the sixth have none."""


def pool(seed: int = 0, **known: Any) -> Predictions:
    arrays = random_detections(len(EMPTY), 3, seed, found=EMPTY, dtype=np.float64)
    return Predictions(np.array([f"{seed}/{i}" for i in range(len(EMPTY))]), **(arrays | known))


def of_scores(*scores: list[float]) -> Predictions:
    """Images whose detections, all of one class, have these scores."""
    most = max(map(len, scores))
    padded = np.array([each + [np.nan] * (most - len(each)) for each in scores])
    probs = np.stack([padded, 1 - padded], axis=2)
    return Predictions(np.array([str(i) for i in range(len(scores))]), box_probs=probs)


@pytest.mark.parametrize(
    "strategy",
    [
        BoxEntropy(empty=9),
        BoxLeastConfidence(empty=9, aggregation="top", top_k=2),
        LocalisationStability(empty=9),
        LocalisationStability(empty=9, classification=1),
        Consistency(empty=9),
        HardNegatives(empty=9, aggregation="mean"),
    ],
)
def test_images_without_detections_have_the_score_given_for_them(strategy: ScoreStrategy) -> None:
    """And no others have: such images are asked for first, or last, as one likes."""
    assert np.flatnonzero(strategy.score(pool()) == 9).tolist() == [1, 5]
    assert sorted(chosen(strategy, pool(), 2)) == [1, 5]


def test_an_image_of_many_doubts_wins_by_sum_and_one_of_a_single_great_doubt_by_maximum() -> None:
    """The aggregation decides which image is asked for."""
    predictions = of_scores([0.9, 0.9, 0.9, 0.9], [0.55], [0.7, 0.6])
    assert chosen(BoxLeastConfidence(), predictions, 1) == [1]
    assert chosen(BoxLeastConfidence(aggregation="mean"), predictions, 3) == [1, 2, 0]
    assert chosen(BoxLeastConfidence(aggregation="sum"), predictions, 3) == [2, 1, 0]
    assert chosen(BoxLeastConfidence(aggregation="sum"), of_scores([0.9] * 10, [0.55], [0.7, 0.6]), 1) == [0]


def test_ls_c_adds_the_least_confidence_of_any_detection() -> None:
    """Kao et al.: LS+C is LS and the largest 1 - max p, here of the distribution with the background."""
    predictions = pool()
    boxes, probs, draws = predictions.boxes, predictions.box_probs, predictions.box_draws
    assert boxes is not None
    assert probs is not None
    assert draws is not None
    some = np.flatnonzero(EMPTY)
    unstable = 1 - localisation_stability(boxes, probs, draws)
    doubt = image_scores(box_least_confidence(probs))
    np.testing.assert_allclose(LocalisationStability().score(predictions)[some], unstable[some])
    both = LocalisationStability(classification=1).score(predictions)
    np.testing.assert_allclose(both[some], (unstable + doubt)[some])


@pytest.mark.parametrize("beta", [0.4, 1.3])
def test_consistency_prefers_what_is_nearest_to_the_base_point(beta: float) -> None:
    """The order is that of the authors' measure, ascending; no score is negative."""
    predictions = pool()
    arrays = (getattr(predictions, name) for name in ("boxes", "box_probs", "box_samples", "box_draws"))
    distances = partial(consistency, beta=beta)(*arrays)
    some = np.flatnonzero(EMPTY)
    order = some[np.argsort(distances[some])]
    assert chosen(Consistency(beta=beta, empty=-1.0), predictions, len(some)) == order.tolist()
    assert Consistency(beta=beta).score(predictions).min() >= 0


def test_misses_are_taken_as_they_come() -> None:
    """The learner has summed them; the highest is first."""
    assert chosen(ExpectedMisses(), pool(missed=np.arange(8.0)), 3) == [7, 6, 5]


def labelled_with(*labels: int, classes: int = 3) -> Predictions:
    """One labelled image of objects of these classes."""
    objects = Objects(tuple(Object((0, 0, 1, 1), label) for label in labels))
    probs = np.full((1, 2, classes + 1), np.nan)
    return Predictions(np.array(["known"]), box_probs=probs, objects=label_array([objects]))


def of_classes(*classes: int) -> Predictions:
    """Images of one detection each, of these classes, all as sure."""
    probs = np.full((len(classes), 1, 4), 0.1)
    probs[np.arange(len(classes)), 0, classes] = 0.7
    return Predictions(np.array([str(i) for i in range(len(classes))]), box_probs=probs)


def test_rare_classes_go_where_labels_are_short() -> None:
    """Class 2 has no label and comes first; class 1, of two, before class 0, of eight; none of them twice before."""
    known = labelled_with(*[0] * 8, 1, 1)
    assert chosen(RareClasses(), of_classes(0, 0, 1, 2), 3, known) == [3, 2, 0]
    assert chosen(RareClasses(), of_classes(0, 1, 2), 3, labelled_with(1, 1, 2, 2, 2, 2)) == [0, 1, 2]


def test_complementarity_avoids_the_classes_that_are_labelled() -> None:
    """An image of the labelled class comes last, also where nothing is labelled ties are by position."""
    assert chosen(ClassComplementarity(), of_classes(0, 1, 2), 3, labelled_with(0, 0))[-1] == 0
    assert chosen(ClassComplementarity(), of_classes(2, 2, 2), 3) == [0, 1, 2]


def test_the_two_stages_of_cald_are_a_composition() -> None:
    """The choice among the shortlist is that of the second stage."""
    predictions, known = pool(), labelled_with(0, 0, 1)
    known = Predictions(known.ids, objects=known.objects, **random_detections(1, 3, most=2, dtype=np.float64))
    strategy = TwoStage(shortlist=Consistency(), choose=ClassComplementarity(), factor=1.5)
    shortlist = chosen(Consistency(), predictions, 3)
    order = chosen(ClassComplementarity(), predictions, len(EMPTY), known)
    assert chosen(strategy, predictions, 2, known) == [position for position in order if position in shortlist][:2]


@pytest.mark.parametrize(("boxes", "expected"), [(0.5, [0]), (1.9, [0, 2]), (3.2, [0, 2, 3]), (100.0, [0, 2, 3, 1])])
def test_a_budget_in_boxes_ends_the_batch_when_it_is_reached(boxes: float, expected: list[int]) -> None:
    """Images of 1.5, 0, 1 and 0.9 expected boxes, in the order of their largest entropy."""
    predictions = of_scores([0.5, 0.99], [], [0.6, 0.4], [0.9])
    assert expected_boxes(predictions.box_probs).tolist() == pytest.approx([1.49, 0, 1, 0.9])  # type: ignore[arg-type]
    assert chosen(BoxBudget(inner=BoxEntropy(), boxes=boxes), predictions, 4) == expected


def test_a_budget_in_boxes_keeps_the_budget_in_images() -> None:
    """However many boxes may be had; scores are the inner strategy's, and what gives none gives none here."""
    predictions = of_scores([0.5], [0.6], [0.7])
    selection = BoxBudget(inner=BoxEntropy()).select(predictions, 2, rng=np.random.default_rng(0))
    assert selection.positions.tolist() == [0, 1]
    assert selection.scores is not None
    assert predictions.box_probs is not None
    np.testing.assert_array_equal(selection.scores, box_entropy(predictions.box_probs)[:2, 0])
    assert BoxBudget(inner=Random()).select(predictions, 2, rng=np.random.default_rng(0)).scores is None


def test_a_budget_in_boxes_is_outermost() -> None:
    """A composition that needs a whole batch of its parts refuses it."""
    with pytest.raises(ConfigurationError, match="BoxBudget with a limit of its own cannot be a part of Mixture"):
        Mixture(inner=BoxBudget(inner=BoxEntropy()))


def test_boxes_cost_what_they_take_to_draw() -> None:
    """An image of a lot of doubtful boxes gives way to one of nearly as much doubt and a single box."""
    predictions = of_scores([0.5] * 9, [0.52])
    assert chosen(BoxEntropy(), predictions, 1) == [0]
    assert chosen(BoxCostAware(scorer=BoxEntropy()), predictions, 1) == [1]
    assert chosen(BoxCostAware(scorer=BoxEntropy(), per_box=0), predictions, 1) == [0]
    # 5 + 7 * 0.52 can be paid for, and 5 + 7 * 4.5 cannot.
    limited = BoxCostAware(scorer=BoxEntropy(), cost_budget=10)
    assert chosen(limited, predictions, 2) == [1]
    assert chosen(CostAware(scorer=BoxEntropy()), predictions, 1) == [0]


def test_classes_that_are_hard_to_find_come_first() -> None:
    """With a labelled object of class 0 found perfectly and none of the others, class 0 is the easy one."""
    known = Predictions(
        np.array(["known"]),
        boxes=np.array([[[0.0, 0, 4, 4]]]),
        box_probs=np.array([[[1.0, 0.0, 0.0, 0.0]]]),
        box_embeddings=np.ones((1, 1, 2)),
        objects=label_array([Objects((Object((0, 0, 4, 4), 0),))]),
    )
    images = of_classes(0, 1)
    predictions = Predictions(
        images.ids, boxes=np.ones((2, 1, 4)), box_probs=images.box_probs, box_embeddings=np.ones((2, 1, 2))
    )
    assert chosen(Ppal(expansion=1), predictions, 1, known) == [1]
    assert chosen(Ppal(expansion=1), predictions, 1) == [0]


@pytest.mark.parametrize("strategy", [RareClasses(), ClassComplementarity(), Ppal()])
def test_labelled_images_without_their_objects_are_refused(strategy: Strategy) -> None:
    """The message says what is missing; so it does where a class is unknown to the learner."""
    known = pool(seed=1)
    with pytest.raises(InvalidInput, match="the labelled images have no objects"):
        strategy.select(pool(), 2, labelled=known, rng=np.random.default_rng(0))
    known = pool(seed=1, objects=random_objects(8, 9))
    with pytest.raises(InvalidInput, match="there are 3 classes"):
        strategy.select(pool(), 2, labelled=known, rng=np.random.default_rng(0))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BoxEntropy(aggregation="median"), "aggregation is max, mean, sum or top"),  # type: ignore[arg-type]
        (lambda: BoxEntropy(top_k=0), "top_k must be at least 1"),
        (lambda: BoxEntropy(empty=np.nan), "empty must be finite"),
        (lambda: LocalisationStability(classification=-1), "classification must be finite and not negative"),
        (lambda: Consistency(beta=2.5), r"beta must lie in \[0, 2\]"),
        (lambda: HardNegatives(overlap=0), "overlap must lie in"),
        (lambda: Ppal(expansion=0.5), "expansion=0.5 is out of range"),
        (lambda: Ppal(xi=2), "xi=2 is out of range"),
        (lambda: BoxBudget(inner=Random(), boxes=0), "boxes must be positive"),
        (lambda: BoxCostAware(scorer=BoxEntropy(), base=0), "base must be positive"),
    ],
)
def test_settings_out_of_range_are_refused(make: Any, message: str) -> None:
    """When the strategy is made, before anything is predicted."""
    with pytest.raises(ConfigurationError, match=message):
        make()
