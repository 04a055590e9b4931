from __future__ import annotations

from math import log
from typing import Any

import numpy as np
import pytest
import torch
from detections import random_detections, random_objects

from alframe.errors import InvalidInput
from alframe.functional import box_loss, encode_region, label_loss, pixel_loss
from alframe.functional.losses import MISSED
from alframe.types import Object, Objects

BOX = (0.0, 0.0, 4.0, 4.0)
AWAY = (20.0, 20.0, 24.0, 24.0)


def test_the_loss_of_a_label_is_the_cross_entropy() -> None:
    """As torch computes it from logarithms."""
    rng = np.random.default_rng(0)
    probs, labels = rng.dirichlet(np.ones(4), 20), rng.integers(0, 4, 20)
    expected = torch.nn.functional.nll_loss(torch.tensor(probs).log(), torch.tensor(labels), reduction="none")
    np.testing.assert_allclose(label_loss(probs, labels), expected.numpy(), rtol=1e-12)
    assert np.isfinite(label_loss(np.array([[1.0, 0.0]]), np.array([1]))).all()


def of_image(truth: list[Object], boxes: list[tuple[float, ...]], probs: list[list[float]]) -> float:
    count = len(boxes)
    arrays = np.array(boxes).reshape(1, count, 4), np.array(probs).reshape(1, count, 3)
    return float(box_loss([Objects(tuple(truth))], *arrays)[0])


@pytest.mark.parametrize(
    ("truth", "boxes", "probs", "expected"),
    [
        ([], [], [], 0),
        ([Object(BOX, 1)], [BOX], [[0.25, 0.5, 0.25]], -log(0.5)),
        ([Object(BOX, 1)], [], [], -log(MISSED)),
        ([Object(BOX, 1)], [AWAY], [[0.25, 0.5, 0.25]], -log(MISSED) - log(0.25)),
        ([], [AWAY, BOX], [[0.25, 0.5, 0.25], [0.0, 0.5, 0.5]], -log(0.25) - log(0.5)),
        # Two detections of one object: the better one counts, and the other is no false alarm.
        ([Object(BOX, 0)], [BOX, BOX], [[0.25, 0.5, 0.25], [0.5, 0.25, 0.25]], -log(0.5)),
        # The mean over objects, one of which is missed.
        ([Object(BOX, 0), Object(AWAY, 0)], [BOX], [[0.5, 0.25, 0.25]], (-log(0.5) - log(MISSED)) / 2),
        # What is inside a crowd costs nothing, nor does a crowd that is not found.
        ([Object((0, 0, 99, 99), 0, crowd=True)], [BOX], [[0.5, 0.25, 0.25]], 0),
        ([Object(BOX, 0, difficult=True)], [], [], 0),
        ([Object((2, 0, 99, 99), 0, crowd=True)], [BOX], [[0.5, 0.25, 0.25]], 0),
        ([Object((3, 0, 99, 99), 0, crowd=True)], [BOX], [[0.5, 0.25, 0.25]], -log(0.25)),
    ],
)
def test_the_loss_of_an_image_of_objects_by_hand(truth: Any, boxes: Any, probs: Any, expected: float) -> None:
    """Objects found, missed, taken for others, and false alarms."""
    assert of_image(truth, boxes, probs) == pytest.approx(expected)


def test_what_is_certain_of_the_wrong_thing_costs_much_but_not_everything() -> None:
    """A detection that rules out the background, where nothing is."""
    assert np.isfinite(of_image([], [BOX], [[1.0, 0.0, 0.0]]))
    assert of_image([Object(BOX, 1)], [BOX], [[1.0, 0.0, 0.0]]) == pytest.approx(-log(MISSED))


def test_images_are_scored_one_by_one() -> None:
    """The padding of the others changes nothing; half precision is enough."""
    found, objects = random_detections(12, 3), random_objects(12, 3).tolist()
    together = box_loss(objects, found["boxes"], found["box_probs"])
    alone = [box_loss([objects[row]], found["boxes"][[row]], found["box_probs"][[row]])[0] for row in range(12)]
    np.testing.assert_array_equal(together, alone)
    halves = box_loss(objects, found["boxes"].astype(np.float16), found["box_probs"].astype(np.float16))
    np.testing.assert_allclose(halves, together, rtol=0.02)


def masked(columns: slice, label: int, **known: Any) -> Object:
    """An object that has these columns of an image of 8 x 16 pixels."""
    pixels = np.zeros((8, 16), dtype=np.bool_)
    pixels[:, columns] = True
    return Object((columns.start, 0, columns.stop, 8), label, encode_region(pixels), **known)


LEFT = Objects((masked(slice(0, 8), 0),))


@pytest.mark.parametrize(
    ("truth", "seen", "expected"),
    [
        (LEFT, [[1, 1, 0, 0], [1, 1, 0, 0]], 0),
        (LEFT, [[0, 0, 0, 0], [0, 0, 0, 0]], 1 - (0 + 1 / 2) / 2),
        (LEFT, [[2, 2, 0, 0], [2, 2, 0, 0]], 1 - (1 + 0 + 0) / 3),
        (LEFT, [[1, 0, 0, 0], [1, 0, 0, 0]], 1 - (1 / 2 + 2 / 3) / 2),
        (Objects(), [[0, 0, 0, 0], [0, 0, 0, 0]], 0),
        (Objects((masked(slice(0, 16), 0, crowd=True),)), [[1, 1, 0, 3], [0, 0, 0, 0]], 0),
        (Objects((masked(slice(0, 12), 0, crowd=True),)), [[1, 1, 0, 0], [0, 0, 0, 1]], 1 - (1 / 2 + 0) / 2),
    ],
)
def test_the_loss_of_regions_by_hand(truth: Objects, seen: list[list[int]], expected: float) -> None:
    """Cells of 4 x 4 pixels: all right, nothing seen, another class, half of it, and what is to be ignored."""
    found = pixel_loss([truth], np.array([[8, 16]]), np.array([seen], dtype=np.uint8))
    assert found.tolist() == pytest.approx([expected])


def test_losses_of_nothing() -> None:
    """No samples."""
    assert label_loss(np.empty((0, 3)), np.empty(0, dtype=np.int64)).shape == (0,)
    assert box_loss([], np.empty((0, 2, 4)), np.empty((0, 2, 3))).shape == (0,)
    assert pixel_loss([], np.empty((0, 2), dtype=np.int64), np.empty((0, 2, 2), dtype=np.uint8)).shape == (0,)


def test_bad_arguments_are_refused() -> None:
    """Classes that there are not, other numbers of rows, NaN, maps of other types."""
    even = np.array([[0.5, 0.5]])
    with pytest.raises(InvalidInput, match="labels are 2 to 2, and there are 2 classes"):
        label_loss(even, np.array([2]))
    with pytest.raises(InvalidInput, match="there are 2 labels for 1 samples"):
        label_loss(even, np.array([0, 1]))
    with pytest.raises(InvalidInput, match="NaN"):
        label_loss(np.full((1, 2), np.nan), np.array([0]))
    with pytest.raises(InvalidInput, match="there are 1 classes"):
        box_loss([Objects((Object(BOX, 1),))], np.full((1, 1, 4), np.nan), np.full((1, 1, 2), np.nan))
    with pytest.raises(InvalidInput, match="there are 0 objects for 1 samples"):
        box_loss([], np.full((1, 1, 4), np.nan), np.full((1, 1, 2), np.nan))
    with pytest.raises(InvalidInput, match="uint8"):
        pixel_loss([LEFT], np.array([[8, 16]]), np.zeros((1, 2, 2)))  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="there are 2 sizes for 1 samples"):
        pixel_loss([LEFT], np.array([[8, 16]] * 2), np.zeros((1, 2, 2), dtype=np.uint8))
