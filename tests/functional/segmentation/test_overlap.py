from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix, jaccard_score
from torchmetrics.functional.classification import multiclass_f1_score

from alframe.errors import InvalidInput
from alframe.functional import pixel_confusion, pixel_dice, pixel_iou
from alframe.functional.regions import IGNORED


def maps(seed: int = 0, classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Two that agree on about half of their pixels; nothing is of the last class."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, (20, 30), dtype=np.uint8)
    found = np.where(rng.random(truth.shape) < 0.5, truth, rng.integers(0, classes, truth.shape)).astype(np.uint8)
    truth[:3] = IGNORED
    return truth, found


def test_counts_and_shares_are_those_of_independent_libraries() -> None:
    """scikit-learn's confusion and Jaccard index, torchmetrics' F1; NaN for the class that does not occur."""
    truth, found = maps()
    counted = truth != IGNORED
    true, predicted = truth[counted], found[counted]
    counts = pixel_confusion(truth, found, num_classes=4)
    np.testing.assert_array_equal(counts, confusion_matrix(true, predicted, labels=range(5)))
    np.testing.assert_allclose(pixel_iou(counts)[:4], jaccard_score(true, predicted, average=None))
    f1 = multiclass_f1_score(
        torch.from_numpy(predicted.astype(np.int64)), torch.from_numpy(true.astype(np.int64)), 5, average=None
    )
    np.testing.assert_allclose(pixel_dice(counts)[:4], f1[:4], rtol=1e-6)
    assert np.isnan([pixel_iou(counts)[4], pixel_dice(counts)[4]]).all()


def test_dice_follows_from_intersection_over_union() -> None:
    """D = 2 I / (1 + I)."""
    counts = pixel_confusion(*maps(seed=1), num_classes=3)
    iou = pixel_iou(counts)
    np.testing.assert_allclose(pixel_dice(counts), 2 * iou / (1 + iou))


def test_a_map_that_is_all_ignored_counts_nothing() -> None:
    """Every share is unknown."""
    counts = pixel_confusion(np.full((2, 2), IGNORED, np.uint8), np.zeros((2, 2), np.uint8), num_classes=1)
    assert counts.tolist() == [[0, 0], [0, 0]]
    assert np.isnan(pixel_iou(counts)).all()


@pytest.mark.parametrize(("shape", "value", "message"), [((2, 3), 0, "one shape"), ((2, 2), 2, "0 to 1")])
def test_maps_that_cannot_be_compared_are_refused(shape: tuple[int, int], value: int, message: str) -> None:
    """Of another image, or with a class that there is not."""
    with pytest.raises(InvalidInput, match=message):
        pixel_confusion(np.zeros((2, 2), np.uint8), np.full(shape, value, np.uint8), num_classes=1)
