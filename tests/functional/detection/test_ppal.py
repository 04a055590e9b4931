"""PPAL's numbers worked out by hand, and its parts against loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from detections import random_detections, random_objects
from hypothesis import given
from hypothesis import strategies as st

from alframe.errors import InvalidInput
from alframe.functional import (
    box_entropy,
    calibrated_uncertainty,
    class_difficulty,
    k_medoids,
    ppal,
)
from alframe.functional.detection.overlaps import paired_iou
from alframe.types import Object, Objects

seeds = st.integers(0, 999)


def test_difficulty_and_uncertainty_are_what_the_formulas_give_by_hand() -> None:
    """Two objects and two detections, xi 0.6, alpha 0.3, beta 0.2.

    The first object's detection is in its place, p = 0.5: d = 1 - 0.5 ** 0.6 = 0.34025. The second's has IoU 0.5 and p
    = 0.25: d = 1 - 0.43528 * 0.75786 = 0.67012. With exp(1 / 0.3) - 1 = 27.0316 the weights are 1 + 0.06 * log(10.1974)
    = 1.13933 and 1 + 0.06 * log(19.1145) = 1.17703; a class that has no object is of difficulty 1, and weighs 1.2. The
    entropy of (0.5, 0.25, 0.25) is 1.03972.
    """
    boxes = np.array([[[0.0, 0, 4, 4], [10.0, 10, 14, 12]]])
    probs = np.array([[[0.5, 0.25, 0.0, 0.25], [0.5, 0.25, 0.0, 0.25]]])
    objects = [Objects((Object((0, 0, 4, 4), 0), Object((10, 10, 14, 14), 1)))]
    difficulty = class_difficulty(boxes, probs, objects)
    assert difficulty == pytest.approx([0.34025, 0.67012, 1], abs=1e-5)
    images = np.array([[[0.5, 0.25, 0.0, 0.25]], [[0.25, 0.5, 0.0, 0.25]], [[0.25, 0.0, 0.5, 0.25]]])
    expected = 1.03972 * np.array([1.13933, 1.17703, 1.2])
    np.testing.assert_allclose(calibrated_uncertainty(images, difficulty), expected, atol=2e-5)


@given(seed=seeds, xi=st.floats(0.01, 0.99))
def test_difficulty_is_a_loop_over_objects(seed: int, xi: float) -> None:
    """The best fit of any detection, and the mean over the objects of a class that count."""
    arrays, objects = random_detections(6, 3, seed, dtype=np.float64), random_objects(6, 3, seed)
    difficulties: dict[int, list[float]] = {0: [], 1: [], 2: []}
    for image, each in enumerate(objects):
        for x in each:
            fits = [
                probs[x.label] ** xi * float(paired_iou(box, np.array(x.box))) ** (1 - xi)
                for box, probs in zip(arrays["boxes"][image], arrays["box_probs"][image], strict=True)
                if np.isfinite(probs).all()
            ]
            if not x.ignored:
                difficulties[x.label].append(1 - max(fits, default=0))
    expected = np.array([np.mean(found) if found else 1.0 for found in difficulties.values()])
    np.testing.assert_allclose(class_difficulty(arrays["boxes"], arrays["box_probs"], objects, xi), expected)


def test_easy_classes_weigh_one() -> None:
    """Without difficulty the uncertainty is the sum of entropies; with the largest it is 1 + beta times that."""
    probs = random_detections(9, 3)["box_probs"]
    entropies = np.nansum(box_entropy(probs), axis=1)
    np.testing.assert_allclose(calibrated_uncertainty(probs, np.zeros(3)), entropies, rtol=1e-6)
    np.testing.assert_allclose(calibrated_uncertainty(probs, np.ones(3), beta=0.5), 1.5 * entropies, rtol=1e-6)


@given(seed=seeds, budget=st.integers(1, 9))
def test_no_medoid_can_be_moved_inside_its_cluster(seed: int, budget: int) -> None:
    """Each is nearest in sum to the points that are nearest to it: what the iterations stop at."""
    points = np.random.default_rng(seed).normal(size=(9, 2))
    distances = np.linalg.norm(points[:, np.newaxis] - points, axis=2)
    medoids = k_medoids(distances, budget, rng=np.random.default_rng(seed))
    assert len(set(medoids.tolist())) == budget
    clusters = distances[:, medoids].argmin(axis=1)
    for cluster, medoid in enumerate(medoids):
        members = np.flatnonzero(clusters == cluster)
        sums = distances[np.ix_(members, members)].sum(axis=1)
        assert sums[members.tolist().index(medoid)] == sums.min()


def test_medoids_of_copies_are_distinct() -> None:
    """Where all distances are zero."""
    assert sorted(k_medoids(np.zeros((5, 5)), 5, rng=np.random.default_rng(0)).tolist()) == [0, 1, 2, 3, 4]


@given(seed=seeds)
def test_choices_are_from_the_shortlist_most_uncertain_first(seed: int) -> None:
    """The three of six that are chosen are among the six of highest uncertainty, in its order."""
    arrays = random_detections(20, 3, seed, dtype=np.float64)
    difficulty = np.array([0.1, 0.5, 1.0])
    uncertainty = calibrated_uncertainty(arrays["box_probs"], difficulty)
    rng = np.random.default_rng(seed)
    positions = ppal(arrays["box_probs"], arrays["box_embeddings"], 3, difficulty, expansion=2, rng=rng)
    assert set(positions.tolist()) <= set(np.argsort(-uncertainty, kind="stable")[:6].tolist())
    assert (np.diff(uncertainty[positions]) <= 0).all()


def test_one_of_each_kind_is_chosen() -> None:
    """Two kinds of images, alike within: whatever chance says, one of each."""
    embeddings = np.repeat(np.array([[[1.0, 0.0]], [[-1.0, 0.0]]]), 4, axis=0)
    probs = np.full((8, 1, 2), 0.5)
    for seed in range(20):
        positions = ppal(probs, embeddings, 2, np.ones(1), rng=np.random.default_rng(seed))
        assert {int(position) // 4 for position in positions} == {0, 1}


def _of(function: Any, **changed: Any) -> Any:
    arrays = random_detections(4, 3)
    known: dict[str, Any] = {name: arrays[name] for name in ("boxes", "box_probs", "box_embeddings")}
    known |= {"objects": random_objects(4, 3), "difficulty": np.ones(3), "budget": 2, "rng": np.random.default_rng(0)}
    names = function.__code__.co_varnames[: function.__code__.co_argcount + function.__code__.co_kwonlyargcount]
    return function(**{name: value for name, value in (known | changed).items() if name in names})


@pytest.mark.parametrize(
    ("function", "changed", "message"),
    [
        (class_difficulty, {"xi": 2.0}, r"xi must lie in \[0, 1\]"),
        (class_difficulty, {"objects": [Objects()]}, "there are 4 images and Objects of 1"),
        (calibrated_uncertainty, {"alpha": 0.0}, "alpha must be positive"),
        (calibrated_uncertainty, {"difficulty": np.full(3, 1.5)}, r"difficulties lie in \[0, 1\], got 1.5"),
        (calibrated_uncertainty, {"difficulty": np.ones(2)}, "weights must be 3 finite numbers"),
        (ppal, {"expansion": 0.5}, "expansion must be finite and at least 1"),
        (k_medoids, {"distances": np.zeros((2, 3))}, r"distances must be \(N, N\)"),
        (k_medoids, {"distances": np.full((2, 2), np.nan)}, "none of them negative or NaN"),
    ],
)
def test_numbers_out_of_range_are_refused(function: Any, changed: dict[str, Any], message: str) -> None:
    """The message says what they may be."""
    with pytest.raises(InvalidInput, match=message):
        _of(function, **changed)
