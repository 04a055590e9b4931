"""Stability, variance and consistency against loops over boxes, and CALD's example worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from detections import random_detections
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional import box_variance, consistency, localisation_stability
from alframe.functional.detection.overlaps import paired_iou

seeds = st.integers(0, 999)


def iou(one: NDArray[Any], other: NDArray[Any]) -> float:
    """As one would write it for two boxes."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    common = width * height if width > 0 and height > 0 else 0
    union = (one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1]) - common
    return common / union if union > 0 else 0


def divergence(p: NDArray[Any], q: NDArray[Any]) -> float:
    """Jensen-Shannon, as the mean of two Kullback-Leibler divergences from the middle."""
    halves = [x * np.log(x / y) for one in (p, q) for x, y in zip(one, (p + q) / 2, strict=True) if x > 0]
    return float(sum(halves) / 2)


def count_of(image: NDArray[Any]) -> int:
    return int(np.isfinite(image[:, 0]).sum())


@given(seed=seeds)
def test_paired_iou_is_that_of_two_boxes(seed: int) -> None:
    """Also where boxes have no area, and where one meets many."""
    boxes = np.random.default_rng(seed).integers(0, 6, (2, 8, 4)).astype(np.float64)
    boxes = np.concatenate([np.minimum(boxes[..., :2], boxes[..., 2:]), np.maximum(boxes[..., :2], boxes[..., 2:])], -1)
    pairs = paired_iou(boxes[0][:, np.newaxis], boxes[1])
    np.testing.assert_allclose(pairs, [[iou(one, other) for other in boxes[1]] for one in boxes[0]])


@given(seed=seeds)
def test_stability_is_the_mean_overlap_by_score(seed: int) -> None:
    """Kao et al., equations 1 and 2, in loops."""
    arrays = random_detections(6, 3, seed, dtype=np.float64)
    boxes, probs, draws = arrays["boxes"], arrays["box_probs"], arrays["box_draws"]
    expected = []
    for image in range(6):
        each = [
            (probs[image, k, :-1].max(), np.mean([iou(boxes[image, k], draw) for draw in draws[image, k]]))
            for k in range(count_of(boxes[image]))
        ]
        expected.append(sum(p * s for p, s in each) / sum(p for p, _ in each) if each else np.nan)
    np.testing.assert_allclose(localisation_stability(boxes, probs, draws), expected)


def test_boxes_that_do_not_move_are_stable() -> None:
    """Draws that equal the detection: stability 1, and no variance; and none is stable that no draw has."""
    arrays = random_detections(20, 3)
    boxes, draws = arrays["boxes"], np.repeat(arrays["boxes"][:, :, np.newaxis], 4, axis=2)
    stability = localisation_stability(boxes, arrays["box_probs"], draws)
    some = np.isfinite(boxes[:, 0, 0])
    np.testing.assert_allclose(stability[some], 1)
    assert np.isnan(stability[~some]).all()
    assert np.nanmax(box_variance(boxes, draws)) == 0
    np.testing.assert_array_equal(localisation_stability(boxes, arrays["box_probs"], draws * 0)[some], 0)


def test_detections_of_no_score_count_alike() -> None:
    """Where all are of score zero the mean is plain: half of one image's boxes stays."""
    boxes = np.array([[[0.0, 0, 4, 4], [5.0, 5, 9, 9]]])
    draws = np.array([[[[0.0, 0, 4, 4]], [[0.0, 0, 0, 0]]]])
    assert localisation_stability(boxes, np.array([[[0.0, 1.0], [0.0, 1.0]]]), draws).tolist() == [0.5]


@given(seed=seeds)
def test_variance_is_that_of_the_edges_by_size(seed: int) -> None:
    """NumPy's variance of each edge over the draws that have the box, over the squared side, and the mean of four."""
    arrays = random_detections(6, 3, seed, dtype=np.float64)
    boxes, draws = arrays["boxes"], arrays["box_draws"]
    expected = np.full(boxes.shape[:2], np.nan)
    for image in range(6):
        for k in range(count_of(boxes[image])):
            there = np.array([draw for draw in draws[image, k] if draw[2] > draw[0] and draw[3] > draw[1]])
            left, top, right, bottom = boxes[image, k]
            width, height = max(right - left, 1), max(bottom - top, 1)
            variance = there.var(axis=0) if len(there) else np.zeros(4)
            expected[image, k] = (variance / np.array([width, height, width, height]) ** 2).mean()
    np.testing.assert_allclose(box_variance(boxes, draws), expected, rtol=1e-7, atol=1e-12)


def test_consistency_is_what_the_formula_gives_by_hand() -> None:
    """Two detections and two draws, beta 1.3.

    Draw 1 has the first as it is: m = 1 + 0.8, 0.5 from beta. It has the second at IoU 0.8, as sure of it: m = 0.8 +
    0.6, 0.1 from beta, which is nearer. Draw 2 has the first at IoU 0.5 with q = (0.4, 0.6); JS = H(0.6, 0.4) - (H(0.8,
    0.2) + H(0.4, 0.6)) / 2 = 0.67301 - 0.58671 = 0.08630, so m = 0.5 + 0.91370 * 0.6 = 1.04822, 0.25178 from beta; and
    not the second. The mean of 0.1 and 0.25178 is 0.17589.
    """
    boxes = np.array([[[0.0, 0, 10, 10], [20.0, 20, 30, 30]]])
    probs = np.array([[[0.8, 0.2], [0.6, 0.4]]])
    samples = np.array([[[[0.8, 0.2], [0.4, 0.6]], [[0.6, 0.4], [0.0, 1.0]]]])
    draws = np.array([[[[0.0, 0, 10, 10], [0.0, 0, 10, 5]], [[20.0, 20, 30, 28], [0.0, 0, 0, 0]]]])
    assert consistency(boxes, probs, samples, draws) == pytest.approx([0.17589], abs=1e-5)


@given(seed=seeds, beta=st.floats(0, 2))
def test_consistency_is_a_loop_over_draws_and_boxes(seed: int, beta: float) -> None:
    """The smallest distance of each draw, zero for a draw that has nothing, and the mean over draws."""
    arrays = random_detections(6, 3, seed, most=3, dtype=np.float64)
    boxes, probs, samples, draws = (arrays[name] for name in ("boxes", "box_probs", "box_samples", "box_draws"))
    expected = []
    for image in range(6):
        nearest = []
        for t in range(draws.shape[2]):
            distances = [
                abs(
                    iou(boxes[image, k], draws[image, k, t])
                    + (1 - divergence(probs[image, k], samples[image, k, t]))
                    * (probs[image, k, :-1].max() + samples[image, k, t, :-1].max())
                    / 2
                    - beta
                )
                for k in range(count_of(boxes[image]))
                if (draws[image, k, t, 2:] > draws[image, k, t, :2]).all()
            ]
            nearest.append(min(distances, default=0))
        expected.append(np.mean(nearest) if count_of(boxes[image]) else np.nan)
    np.testing.assert_allclose(consistency(boxes, probs, samples, draws, beta), expected, rtol=1e-9, atol=1e-9)


def test_a_base_point_that_no_agreement_has_is_refused() -> None:
    """The message says what it may be."""
    arrays = random_detections(2, 3)
    with pytest.raises(InvalidInput, match=r"beta must lie in \[0, 2\], got 3"):
        consistency(arrays["boxes"], arrays["box_probs"], arrays["box_samples"], arrays["box_draws"], 3)
