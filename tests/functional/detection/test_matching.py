from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional import group_boxes, match_boxes
from alframe.functional.detection.overlaps import paired_iou
from alframe.types import Floats


def some(count: int, rng: np.random.Generator) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Boxes that often overlap, their scores, some of them equal, and their classes."""
    corners = rng.integers(0, 4, (count, 2)).astype(np.float64)
    boxes = np.concatenate([corners, corners + rng.integers(1, 5, (count, 2))], axis=1)
    return boxes, rng.integers(1, 6, count) / 5, rng.integers(0, 2, count)


def slowly_matched(
    boxes: Floats, scores: Floats, labels: NDArray[np.int64], reference: Floats, classes: NDArray[np.int64]
) -> list[int]:
    """The docstring, box by box."""
    left = set(range(len(reference)))
    found = [-1] * len(boxes)
    for row in sorted(range(len(boxes)), key=lambda row: -scores[row]):
        overlap = {other: float(paired_iou(boxes[row], reference[other])) for other in sorted(left)}
        near = [other for other in overlap if overlap[other] >= 0.5]
        if near:
            best = max(near, key=lambda other: (labels[row] == classes[other], overlap[other]))
            found[row] = best
            left.remove(best)
    return found


def slowly_grouped(boxes: Floats, scores: Floats, labels: NDArray[np.int64], draws: NDArray[np.int64]) -> list[int]:
    """The docstring, box by box; a group is its founder and who is in it."""
    groups: dict[int, list[int]] = {}
    for row in sorted(range(len(boxes)), key=lambda row: -scores[row]):
        near = [
            first
            for first in sorted(groups)
            if paired_iou(boxes[row], boxes[first]) >= 0.5 and draws[row] not in draws[groups[first]]
        ]
        if near:
            best = max(near, key=lambda first: (labels[row] == labels[first], paired_iou(boxes[row], boxes[first])))
            groups[best].append(row)
        else:
            groups[row] = [row]
    return [next(first for first, rows in groups.items() if row in rows) for row in range(len(boxes))]


@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 2**32 - 1))
def test_matching_is_the_plain_loop(count: int, others: int, seed: int) -> None:
    """One to one, surest first, own class first, then most overlap."""
    rng = np.random.default_rng(seed)
    boxes, scores, labels = some(count, rng)
    reference, _, classes = some(others, rng)
    found = match_boxes(boxes, scores, labels, reference, classes)
    assert found.tolist() == slowly_matched(boxes, scores, labels, reference, classes)
    taken = found[found >= 0]
    assert len(set(taken.tolist())) == len(taken)


@given(st.integers(0, 12), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_grouping_is_the_plain_loop(count: int, many: int, seed: int) -> None:
    """No group has two boxes of one draw, and the surest of a group founded it."""
    rng = np.random.default_rng(seed)
    boxes, scores, labels = some(count, rng)
    draws = rng.integers(0, many, count)
    founder = group_boxes(boxes, scores, labels, draws)
    assert founder.tolist() == slowly_grouped(boxes, scores, labels, draws)
    for first in set(founder.tolist()):
        members = np.flatnonzero(founder == first)
        assert len(set(draws[members].tolist())) == len(members)
        assert scores[first] == scores[members].max()


def test_a_box_matches_its_own_class_before_one_that_it_overlaps_more() -> None:
    """Two classes at one place keep to their own."""
    here, nearly = [0.0, 0.0, 4.0, 4.0], [0.0, 0.0, 4.0, 3.0]
    found = match_boxes(np.array([here]), np.ones(1), np.array([1]), np.array([here, nearly]), np.array([0, 1]))
    assert found.tolist() == [1]


def test_the_threshold_itself_matches() -> None:
    """An overlap of exactly one half is one."""
    boxes, half = np.array([[0.0, 0.0, 4.0, 4.0]]), np.array([[0.0, 0.0, 4.0, 2.0]])
    zero = np.zeros(1, dtype=np.int64)
    assert match_boxes(half, np.ones(1), zero, boxes, zero).tolist() == [0]
    assert match_boxes(half, np.ones(1), zero, boxes, zero, threshold=0.51).tolist() == [-1]


@pytest.mark.parametrize("threshold", [0.0, 1.5])
def test_impossible_thresholds_are_refused(threshold: float) -> None:
    """At zero everything would be near everything."""
    boxes, zero = np.array([[0.0, 0.0, 4.0, 4.0]]), np.zeros(1, dtype=np.int64)
    with pytest.raises(InvalidInput, match="threshold"):
        match_boxes(boxes, np.ones(1), zero, boxes, zero, threshold)
    with pytest.raises(InvalidInput, match="threshold"):
        group_boxes(boxes, np.ones(1), zero, zero, threshold)


def test_values_that_are_not_one_for_each_box_are_refused() -> None:
    """The message counts them."""
    boxes, zero = np.array([[0.0, 0.0, 4.0, 4.0]]), np.zeros(1, dtype=np.int64)
    with pytest.raises(InvalidInput, match="2 and 1 values"):
        match_boxes(boxes, np.ones(2), zero, boxes, zero)
    with pytest.raises(InvalidInput, match="2 and 1 values"):
        group_boxes(boxes, np.ones(1), zero, np.zeros(2, dtype=np.int64))
