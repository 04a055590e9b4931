"""A detection's class is as uncertain as that of a sample with the same probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from detections import random_detections

from alframe.functional import (
    bald,
    box_bald,
    box_entropy,
    box_least_confidence,
    box_margin,
    entropy,
    least_confidence,
    margin,
)


@pytest.mark.parametrize(
    ("of_boxes", "of_samples", "name"),
    [
        (box_least_confidence, least_confidence, "box_probs"),
        (box_margin, margin, "box_probs"),
        (box_entropy, entropy, "box_probs"),
        (box_bald, bald, "box_samples"),
    ],
)
@pytest.mark.parametrize("classes", [1, 4])
def test_a_detection_is_scored_as_a_sample(of_boxes: Any, of_samples: Any, name: str, classes: int) -> None:
    """Image by image, the detections alone; the background is a class like others."""
    array = random_detections(12, classes, dtype=np.float64)[name]
    scores = of_boxes(array)
    for image, row in zip(array, scores, strict=True):
        count = int(np.isfinite(row).sum())
        assert np.isnan(image[count:]).all()
        np.testing.assert_array_equal(row[:count], of_samples(image[:count]) if count else [])
    assert np.isfinite(scores).any()
