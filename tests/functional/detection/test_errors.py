"""False alarms against a loop over detections and draws."""

from __future__ import annotations

import numpy as np
import pytest
from detections import random_detections
from hypothesis import given
from hypothesis import strategies as st

from alframe.errors import InvalidInput
from alframe.functional import unconfirmed
from alframe.functional.detection.overlaps import paired_iou

NAMES = ("boxes", "box_probs", "box_samples", "box_draws")


@given(seed=st.integers(0, 999), overlap=st.floats(0.1, 1))
def test_a_draw_confirms_a_place_and_a_class(seed: int, overlap: float) -> None:
    """Score times the share of draws that do not confirm both."""
    arrays = random_detections(6, 3, seed, dtype=np.float64)
    boxes, probs, samples, draws = (arrays[name] for name in NAMES)
    expected = np.full(boxes.shape[:2], np.nan)
    for image, k in np.argwhere(np.isfinite(boxes[..., 0])):
        label = probs[image, k, :-1].argmax()
        against = [
            paired_iou(boxes[image, k], draw) < overlap or sample[:-1].argmax() != label
            for draw, sample in zip(draws[image, k], samples[image, k], strict=True)
        ]
        expected[image, k] = probs[image, k, label] * np.mean(against)
    np.testing.assert_allclose(unconfirmed(boxes, probs, samples, draws, overlap), expected)


def test_draws_that_agree_leave_no_alarm() -> None:
    """Copies of the detection confirm it whatever it is; draws that do not have it leave its whole score."""
    arrays = random_detections(9, 3)
    boxes, probs = arrays["boxes"], arrays["box_probs"]
    samples, draws = np.repeat(probs[:, :, np.newaxis], 4, axis=2), np.repeat(boxes[:, :, np.newaxis], 4, axis=2)
    assert np.nanmax(unconfirmed(boxes, probs, samples, draws)) == 0
    np.testing.assert_array_equal(unconfirmed(boxes, probs, samples, draws * 0), probs[..., :-1].max(axis=2))


@pytest.mark.parametrize("overlap", [0.0, 1.5])
def test_an_impossible_overlap_is_refused(overlap: float) -> None:
    """The message says what it may be."""
    arrays = random_detections(2, 3)
    with pytest.raises(InvalidInput, match="overlap must lie in"):
        unconfirmed(arrays["boxes"], arrays["box_probs"], arrays["box_samples"], arrays["box_draws"], overlap)
