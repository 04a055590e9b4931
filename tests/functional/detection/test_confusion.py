"""What is taken for what: by hand, and against COCO's count of what is found."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alframe.functional import average_precision, detection_confusion, detection_quality
from alframe.types import UNLABELLED, Object, Objects


def square(left: float, label: int = 0, *, side: float = 10, **known: Any) -> Object:
    return Object(box=(left, 0, left + side, side), label=label, **known)


def test_each_kind_of_mistake_has_its_place() -> None:
    """One right, one taken for the other class, one missed, one where nothing is."""
    truth = Objects((square(0, 0), square(20, 0), square(40, 1)))
    found = Objects((square(0, 0, score=0.9), square(20, 1, score=0.8), square(80, 1, score=0.7)))
    expected = [
        [1, 1, 0],  # of class 0
        [0, 0, 1],  # of class 1
        [0, 1, 0],  # nothing
    ]
    assert detection_confusion(truth, found, num_classes=2).tolist() == expected
    assert detection_quality(np.array(expected)) == pytest.approx(2 * 1 / (3 + 3))


def test_the_surest_detection_takes_the_object() -> None:
    """A second one of it is of nothing, whatever the order in which they come."""
    truth = Objects((square(0),))
    found = (square(0, score=0.6), square(1, score=0.7))
    for order in (found, found[::-1]):
        assert detection_confusion(truth, Objects(order), num_classes=1).tolist() == [[1, 0], [1, 0]]


def test_an_object_goes_to_its_own_class_before_a_surer_other() -> None:
    """Two objects at one place, and each has its detection."""
    truth = Objects((square(0, 0), square(0, 1)))
    found = Objects((square(0, 1, score=0.9), square(1, 0, score=0.6)))
    assert detection_confusion(truth, found, num_classes=2).tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 0]]


def test_of_two_objects_the_one_it_covers_better() -> None:
    """The other is left for the next detection."""
    truth = Objects((square(3), square(0)))
    found = Objects((square(1, score=0.9), square(4, score=0.8)))
    assert detection_confusion(truth, found, num_classes=1).tolist() == [[2, 0], [0, 0]]


@pytest.mark.parametrize(
    ("ignored", "label", "mistakes"),
    [
        ({"difficult": True}, 0, 0),
        ({"difficult": True}, 1, 2),
        ({"crowd": True, "side": 40}, 0, 0),
        ({"side": 40}, 0, 2),
        ({"crowd": True, "side": 40, "label": UNLABELLED}, 1, 0),
    ],
)
def test_detections_of_what_is_to_be_ignored_count_nowhere(ignored: dict[str, Any], label: int, mistakes: int) -> None:
    """Any number of them; only of its class, unless it has none; a crowd holds what is a small part of it."""
    truth = Objects((square(50, **ignored),))
    found = Objects((square(50, label, score=0.9), square(50, label, score=0.8)))
    counts = detection_confusion(truth, found, num_classes=2)
    assert counts[2].sum() == mistakes


def test_nothing_and_nothing_detected_is_perfect() -> None:
    """An image without objects is done well if nothing is detected, and badly if something is."""
    empty = detection_confusion(Objects(), Objects(), num_classes=2)
    assert empty.tolist() == [[0] * 3] * 3
    assert detection_quality(empty) == 1
    assert detection_quality(detection_confusion(Objects(), Objects((square(0, score=0.9),)), num_classes=2)) == 0
    assert detection_quality(detection_confusion(Objects((square(0),)), Objects(), num_classes=2)) == 0


squares = st.builds(
    square, st.sampled_from(range(0, 40, 3)), st.integers(0, 2), crowd=st.booleans(), difficult=st.booleans()
)
detections = st.builds(
    square, st.sampled_from(range(0, 40, 3)), st.integers(0, 2), side=st.sampled_from([8, 10]), score=st.floats(0.1, 1)
)


@settings(max_examples=60, deadline=None)
@given(st.lists(squares, max_size=6), st.lists(detections, max_size=6, unique_by=lambda each: each.score))
def test_the_diagonal_is_what_coco_takes_for_found(objects: list[Object], found: list[Object]) -> None:
    """By its recall; each object counts once in its row, each detection at most once in its column."""
    truth = Objects(tuple(objects))
    counts = detection_confusion(truth, Objects(tuple(found)), num_classes=3)
    counted = [each.label for each in truth if not each.ignored]
    assert counts[:3].sum(axis=1).tolist() == [counted.count(label) for label in range(3)]
    assert (counts[:, :3].sum(axis=0) <= [sum(each.label == label for each in found) for label in range(3)]).all()
    _, recall = average_precision([truth], [Objects(tuple(found))], num_classes=3)
    by_coco = np.nan_to_num(recall[0, :, 0]) * counts[:3].sum(axis=1)
    np.testing.assert_allclose(counts.diagonal()[:3], by_coco)
