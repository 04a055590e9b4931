"""Average precision of resampled images, held to COCO's on a data set that has each image as often as it was drawn."""

from __future__ import annotations

import numpy as np
import pytest
from detections import random_detections, random_objects

from alframe.functional import (
    average_precision,
    detected,
    found_at_false_alarms,
    resampled_found,
    resampled_precision,
    right_detections,
)
from alframe.types import UNLABELLED, Labels, Object, Objects

CLASSES = 3


def problem(seed: int, count: int = 25) -> tuple[list[Objects], list[Objects]]:
    """True objects and detections near many of them; some scores are equal, some objects are to be ignored."""
    rng = np.random.default_rng(seed)
    truth: list[Objects] = random_objects(count, CLASSES, seed).tolist()
    arrays = random_detections(count, CLASSES, seed)
    elsewhere = [detected(*rows) for rows in zip(arrays["boxes"], arrays["box_probs"], strict=True)]
    near = [
        tuple(
            Object(
                tuple((np.array(each.box) + rng.normal(0, 2, 2)[[0, 1, 0, 1]]).tolist()),
                int(each.label if rng.random() < 0.8 else rng.integers(CLASSES)),
                score=float(np.round(rng.random(), 1)),
            )
            for each in objects
        )
        for objects in truth
    ]
    difficult = Objects(
        (*truth[0], Object((1, 1, 40, 40), 0, difficult=True), Object((30, 30, 64, 64), UNLABELLED, crowd=True))
    )
    return [difficult, *truth[1:]], [Objects((*more, *found)) for more, found in zip(near, elsewhere, strict=True)]


@pytest.mark.parametrize("seed", range(8))
def test_each_image_once_is_coco(seed: int) -> None:
    """To the last digits that summing leaves."""
    truth, found = problem(seed)
    expected = average_precision(truth, found, CLASSES)[0][0, :, 0]
    ones = np.ones((1, len(truth)))
    ours = [resampled_precision(*right_detections(truth, found, label), ones)[0] for label in range(CLASSES)]
    np.testing.assert_allclose(ours, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_images_that_are_drawn_again_count_as_copies(seed: int) -> None:
    """As COCO scores a data set that holds them twice; scores that are equal apart, since their order is open."""
    truth, found = problem(seed)
    rng = np.random.default_rng(seed)
    scores = iter(rng.permutation(10_000) / 10_000)
    found = [Objects(tuple(Object(each.box, each.label, score=float(next(scores))) for each in of)) for of in found]
    rows = rng.integers(len(truth), size=(5, len(truth)))
    counts = np.stack([np.bincount(row, minlength=len(truth)) for row in rows]).astype(np.float64)
    ours = np.stack(
        [resampled_precision(*right_detections(truth, found, label), counts) for label in range(CLASSES)], axis=1
    )
    for row, mine in zip(rows.tolist(), ours, strict=True):
        copies = [truth[image] for image in row], [found[image] for image in row]
        np.testing.assert_allclose(mine, average_precision(*copies, CLASSES)[0][0, :, 0], rtol=1e-12, atol=1e-12)


def test_a_class_without_objects_or_without_detections() -> None:
    """NaN where no object is drawn; zero where nothing is detected."""
    truth, nothing = [Objects((Object((0, 0, 9, 9), 0),)), Objects()], [Objects(), Objects()]
    counts = np.array([[1.0, 1.0], [0.0, 2.0]])
    np.testing.assert_equal(resampled_precision(*right_detections(truth, nothing, 0), counts), [0.0, np.nan])
    np.testing.assert_equal(resampled_precision(*right_detections(truth, nothing, 1), counts), [np.nan, np.nan])


def scores_of(count: int, rng: np.random.Generator) -> tuple[Labels, Labels]:
    return np.round(rng.random(count), 1) * (rng.random(count) < 0.8), rng.random(count) < 0.5


@pytest.mark.parametrize("false_alarms", [0.0, 0.05, 0.29, 0.9])
def test_found_at_false_alarms_of_copies(false_alarms: float) -> None:
    """As the plain function has it of a data set that holds an image as often as it was drawn."""
    rng = np.random.default_rng(3)
    scores, defective = scores_of(30, rng)
    rows = rng.integers(30, size=(40, 30))
    counts = np.stack([np.bincount(row, minlength=30) for row in rows]).astype(np.float64)
    expected = [found_at_false_alarms(scores[row], defective[row], false_alarms)[0] for row in rows]
    np.testing.assert_allclose(resampled_found(scores, defective, false_alarms, counts), expected)


def test_found_is_unknown_without_one_kind_of_image() -> None:
    """No defective image is drawn, or no other."""
    counts = np.array([[2.0, 0.0], [0.0, 2.0], [1.0, 1.0]])
    found = resampled_found(np.array([0.5, 0.2]), np.array([True, False]), 0.1, counts)
    np.testing.assert_equal(found, [np.nan, np.nan, 1.0])
