from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alframe.errors import InvalidInput
from alframe.functional import consensus_boxes, decode_region, encode_region, mean_matched_iou
from alframe.types import Object, Objects, Polygons


def boxes(*found: tuple[float, float, float, float], label: int = 0) -> Objects:
    """Objects of one class."""
    return Objects(tuple(Object(box, label) for box in found))


def masked(pixels: list[list[int]]) -> Objects:
    """One object that is these pixels."""
    return Objects((Object((0, 0, 3, 2), 0, encode_region(np.array(pixels, dtype=np.bool_))),))


@given(st.integers(0, 200))
def test_noisy_drawings_of_known_objects_give_these_objects(seed: int) -> None:
    """Five annotators draw nine boxes with jitter, miss some, and invent some each for themselves."""
    rng = np.random.default_rng(seed)
    truth = [(x, y, x + 20.0, y + 20.0) for x in (0.0, 40.0, 80.0) for y in (0.0, 40.0, 80.0)]
    drawn = []
    for who in range(5):
        found = [Object(tuple(np.add(box, rng.normal(0, 0.5, 4))), row % 2) for row, box in enumerate(truth)]
        kept = [each for row, each in enumerate(found) if row % 5 != who]
        drawn.append(Objects((*kept, Object((200.0 + 30 * who, 0, 220.0 + 30 * who, 20), 0))))
    consensus = consensus_boxes(drawn)
    assert sorted(consensus.objects.labels.tolist()) == [0] * 5 + [1] * 4
    assert consensus.support.tolist() == pytest.approx([0.8] * 9)
    nearest = np.abs(consensus.objects.boxes[:, None] - np.array(truth)).max(axis=2).min(axis=1)
    assert nearest.max() < 1.5
    pairs = [mean_matched_iou(drawn[a], drawn[b]) for a in range(5) for b in range(a)]
    assert consensus.agreement == pytest.approx(np.mean(pairs))


def test_half_is_no_majority() -> None:
    """Of two annotators both must have drawn it; an annotator without objects counts against it."""
    box = (0.0, 0.0, 4.0, 4.0)
    assert len(consensus_boxes([boxes(box), Objects()]).objects) == 0
    assert consensus_boxes([boxes(box), Objects(), boxes(box)]).support.tolist() == pytest.approx([2 / 3])


def test_nobody_drew_anything() -> None:
    """All agree, and that there is nothing is the consensus; of one annotator nobody knows how far others agree."""
    consensus = consensus_boxes([Objects(), Objects()])
    assert (len(consensus.objects), consensus.agreement) == (0, 1)
    alone = consensus_boxes([boxes((0, 0, 1, 1))])
    assert alone.objects == boxes((0, 0, 1, 1))
    assert np.isnan(alone.agreement)


def test_boxes_are_the_weighted_mean() -> None:
    """Who counts three times moves the edge three times as far; who counts nothing does not move it."""
    drawn = [boxes((0, 0, 4, 4)), boxes((0, 0, 4, 6)), boxes((0, 0, 4, 5))]
    consensus = consensus_boxes(drawn, weights=np.array([1.0, 3.0, 0.0]))
    assert consensus.objects == boxes((0, 0, 4, 5.5))
    assert consensus.support.tolist() == [1]


def test_an_annotator_is_at_most_once_in_an_object() -> None:
    """Two boxes of one annotator on the same place are two objects, of which one has a majority."""
    box, near = (0.0, 0.0, 4.0, 4.0), (0.0, 0.0, 4.0, 3.5)
    assert len(consensus_boxes([boxes(box, near), boxes(box), boxes(box)]).objects) == 1
    assert len(consensus_boxes([boxes(box, near), boxes(box, near), boxes(box)]).objects) == 2


def test_classes_are_kept_apart() -> None:
    """The same box of two classes is two objects, neither of which most have drawn."""
    drawn = [boxes((0, 0, 4, 4)), boxes((0, 0, 4, 4), label=1)]
    assert len(consensus_boxes(drawn).objects) == 0


def test_most_decide_whether_an_object_is_a_crowd_or_difficult() -> None:
    """Two of three call it a crowd, one difficult."""
    drawn = [Objects((Object((0, 0, 4, 4), 0, crowd=crowd, difficult=not crowd),)) for crowd in (True, True, False)]
    assert consensus_boxes(drawn).objects == Objects((Object((0, 0, 4, 4), 0, crowd=True),))


def test_masks_are_put_together_pixel_by_pixel() -> None:
    """A pixel is in if two of three have it; the box is the box around what is in."""
    drawn = [masked([[1, 1, 0], [1, 1, 0]]), masked([[1, 1, 1], [1, 1, 0]]), masked([[1, 1, 0], [1, 0, 0]])]
    (found,) = consensus_boxes(drawn).objects
    assert found.mask is not None
    assert decode_region(found.mask, 2, 3).astype(int).tolist() == [[1, 1, 0], [1, 1, 0]]
    assert found.box == (0, 0, 2, 2)


def test_an_outline_votes_with_its_pixels() -> None:
    """On the image that the others' run lengths tell, or of the size that is given."""
    outline = Objects((Object((0, 0, 2, 2), 0, Polygons(((0, 0, 2, 0, 2, 2, 0, 2),))),))
    (found,) = consensus_boxes([outline, outline, masked([[1, 1, 1], [1, 1, 1]])]).objects
    assert found.mask == encode_region(np.array([[1, 1, 0], [1, 1, 0]], dtype=np.bool_))
    assert consensus_boxes([outline], size=(2, 3)).objects.objects == (found,)
    with pytest.raises(InvalidInput, match="give its size"):
        consensus_boxes([outline])


def test_a_mask_that_few_drew_is_left_out() -> None:
    """Two of three drew a box alone: a box it is."""
    drawn = [masked([[1, 1, 1], [1, 1, 1]]), boxes((0, 0, 3, 2)), boxes((0, 0, 3, 2))]
    assert consensus_boxes(drawn).objects == boxes((0, 0, 3, 2))


@given(st.permutations(range(4)))
def test_who_comes_first_does_not_matter(order: list[int]) -> None:
    """Objects come by class and from left to right."""
    rng = np.random.default_rng(0)
    truth = [(8.0 * at, 0.0, 8.0 * at + 5, 5.0) for at in range(4)]
    drawn = [boxes(*(tuple(np.add(box, rng.normal(0, 0.3, 4))) for box in truth)) for _ in range(4)]
    plain, moved = consensus_boxes(drawn), consensus_boxes([drawn[each] for each in order])
    assert moved.objects.boxes == pytest.approx(plain.objects.boxes)
    assert moved.agreement == pytest.approx(plain.agreement)
    assert (np.diff(plain.objects.boxes[:, 0]) > 0).all()


@pytest.mark.parametrize(
    ("drawn", "settings"),
    [([], {}), ([Objects()], {"weights": np.zeros(1)}), ([Objects()], {"min_iou": 0.0}), ([Objects()], {"min_iou": 2})],
)
def test_what_makes_no_sense_is_refused(drawn: list[Objects], settings: dict[str, Any]) -> None:
    """Nobody, nobody of weight, and overlaps that everything or nothing has."""
    with pytest.raises(InvalidInput):
        consensus_boxes(drawn, **settings)
