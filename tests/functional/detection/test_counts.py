"""Expected and labelled objects, counted one by one; rare classes against the plain greedy loop."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from detections import random_detections, random_objects
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.distance import jensenshannon
from scipy.special import softmax

from alframe.errors import InvalidInput
from alframe.functional import (
    class_complementarity,
    class_presence,
    expected_boxes,
    expected_cost,
    expected_counts,
    object_counts,
    rare_classes,
)
from alframe.types import Object, Objects


@pytest.mark.parametrize("classes", [1, 3])
def test_expectations_are_sums_over_detections(classes: int) -> None:
    """Of probabilities by class, and of the highest of each detection; the background is left out."""
    probs = random_detections(12, classes, dtype=np.float64)["box_probs"]
    there = [image[np.isfinite(image[:, 0])][:, :-1] for image in probs]
    np.testing.assert_allclose(expected_counts(probs), [image.sum(axis=0) for image in there])
    np.testing.assert_allclose(expected_boxes(probs), [image.max(axis=1).sum() for image in there])
    np.testing.assert_array_equal(class_presence(probs), [image.max(axis=0, initial=0) for image in there])
    np.testing.assert_allclose(expected_cost(probs, 3, 2), 3 + 2 * expected_boxes(probs))


@pytest.mark.parametrize(("base", "per_box"), [(0.0, 1.0), (1.0, -1.0), (np.nan, 1.0)])
def test_labels_that_cost_nothing_are_refused(base: float, per_box: float) -> None:
    """A score per cost would have no end."""
    with pytest.raises(InvalidInput, match="base must be positive"):
        expected_cost(random_detections(2, 3)["box_probs"], base, per_box)


def test_only_objects_that_count_are_counted() -> None:
    """Crowds and difficult ones are left out, whatever class they have."""
    objects = random_objects(50, 3)
    expected = [[sum(x.label == c and not x.ignored for x in each) for c in range(3)] for each in objects]
    np.testing.assert_array_equal(object_counts(objects, 3), expected)
    crowd = Objects((Object((0, 0, 1, 1), label=-1, crowd=True),))
    np.testing.assert_array_equal(object_counts([crowd], 3), [[0, 0, 0]])
    assert object_counts([], 3).shape == (0, 3)


def test_classes_that_nobody_knows_are_refused() -> None:
    """The message says which there were."""
    with pytest.raises(InvalidInput, match="objects are of classes 3 to 3, and there are 3 classes"):
        object_counts([Objects((Object((0, 0, 1, 1), label=3),))], 3)


def value(counts: NDArray[np.float64], expected: NDArray[np.float64]) -> float:
    return float(np.log1p(counts + expected.sum(axis=0)).sum())


@given(seed=st.integers(0, 999), budget=st.integers(1, 9))
def test_rare_classes_are_chosen_by_the_plain_greedy_loop(seed: int, budget: int) -> None:
    """Each time the image that adds most to the sum of logarithms; and the batch is within 1 - 1/e of the best."""
    rng = np.random.default_rng(seed)
    expected, counts = rng.exponential(size=(9, 3)) * (rng.random((9, 3)) < 0.6), rng.integers(0, 5, 3).astype(float)
    chosen: list[int] = []
    while len(chosen) < budget:
        gains = [-np.inf if i in chosen else value(counts, expected[[*chosen, i]]) for i in range(9)]
        chosen.append(int(np.argmax(gains)))
    positions = rare_classes(expected, budget, counts)
    assert len(set(positions.tolist())) == budget
    assert value(counts, expected[positions]) == pytest.approx(value(counts, expected[chosen]))
    if budget <= 4:
        nothing = value(counts, expected[:0])
        best = max(value(counts, expected[list(batch)]) for batch in combinations(range(9), budget))
        assert value(counts, expected[positions]) - nothing >= (1 - 1 / np.e) * (best - nothing) - 1e-9


def test_rare_classes_come_first() -> None:
    """One object of a class without labels is worth more than three of one with many; without labels three are."""
    expected = np.array([[3.0, 0.0], [0.0, 1.0]])
    assert rare_classes(expected, 1, np.array([20.0, 0.0])).tolist() == [1]
    assert rare_classes(expected, 1).tolist() == [0]


def test_negative_expectations_are_refused() -> None:
    """So are counts of other classes."""
    with pytest.raises(InvalidInput, match="expected must not be negative"):
        rare_classes(np.array([[-1.0]]), 1)
    with pytest.raises(InvalidInput, match="weights must be 1 finite numbers"):
        rare_classes(np.array([[1.0]]), 1, np.zeros(2))


@given(seed=st.integers(0, 999))
def test_complementarity_is_the_divergence_that_scipy_knows(seed: int) -> None:
    """SciPy gives its square root."""
    rng = np.random.default_rng(seed)
    presence, counts = rng.random((5, 4)), rng.exponential(2, 4)
    expected = [jensenshannon(softmax(row), softmax(counts)) ** 2 for row in presence]
    np.testing.assert_allclose(class_complementarity(presence, counts), expected, atol=1e-12)
