from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alframe.errors import InvalidInput
from alframe.functional import encode_region, image_size, mean_matched_iou, object_overlaps, region_overlaps
from alframe.types import Object, Objects, Polygons, Rle


@st.composite
def drawings(draw: st.DrawFn) -> Objects:
    """A few boxes of two classes that often overlap."""
    corner, side = st.integers(0, 3), st.integers(1, 3)
    found = []
    for _ in range(draw(st.integers(0, 4))):
        x, y = draw(corner), draw(corner)
        found.append(Object((x, y, x + draw(side), y + draw(side)), draw(st.integers(0, 1))))
    return Objects(tuple(found))


def slow_iou(first: Object, second: Object) -> float:
    """Unit squares of the one, of the other and of both."""
    squares = [
        {(x, y) for x in range(int(left), int(right)) for y in range(int(top), int(bottom))}
        for left, top, right, bottom in (first.box, second.box)
    ]
    return len(squares[0] & squares[1]) / len(squares[0] | squares[1]) if first.label == second.label else 0.0


def slow_matched(first: Objects, second: Objects) -> list[float]:
    """Every way of matching, tried; what those of the highest sum give, which may leave different numbers unmatched."""
    few, many = sorted([first, second], key=len)
    tried = [[slow_iou(*pair) for pair in zip(few, order, strict=True)] for order in permutations(many, len(few))]
    most = max(sum(found) for found in tried)
    best = [found for found in tried if sum(found) > most - 1e-9]
    return [sum(found) / (len(first) + len(second) - sum(each > 0 for each in found)) for found in best]


@given(drawings(), drawings())
def test_it_is_the_best_of_all_matchings(first: Objects, second: Objects) -> None:
    """Between 0 and 1, and 1 for what is drawn twice."""
    found = mean_matched_iou(first, second)
    assert 0 <= found <= 1
    if len(first) or len(second):
        assert any(found == pytest.approx(each) for each in slow_matched(first, second))
    assert mean_matched_iou(first, first) == pytest.approx(1)


def test_what_only_one_drew_counts_nothing() -> None:
    """One of two objects found exactly: half."""
    here, there = Object((0, 0, 2, 2), 0), Object((4, 4, 6, 6), 0)
    assert mean_matched_iou(Objects((here, there)), Objects((here,))) == 0.5
    assert mean_matched_iou(Objects(), Objects((here,))) == 0
    assert mean_matched_iou(Objects((here,)), Objects((Object(here.box, 1),))) == 0


def masked(rows: slice, box: tuple[float, float, float, float] = (0, 0, 4, 4)) -> Object:
    """An object of 4 columns and some rows, in whichever box."""
    pixels = np.zeros((4, 4), dtype=np.bool_)
    pixels[rows] = True
    return Object(box, 0, encode_region(pixels))


def test_masks_are_compared_by_pixels_and_not_by_boxes() -> None:
    """Both boxes are the same; 1 of 2 rows is in both."""
    overlaps = object_overlaps(Objects((masked(slice(0, 1)),)), Objects((masked(slice(0, 2)), Object((0, 0, 4, 4), 0))))
    assert overlaps.tolist() == [[0.5, 1.0]]


def test_an_outline_is_compared_with_pixels() -> None:
    """The polygon is filled on the image that the run lengths tell."""
    outline = Object((0, 0, 4, 2), 0, Polygons(((0, 0, 4, 0, 4, 2, 0, 2),)))
    assert object_overlaps(Objects((outline,)), Objects((masked(slice(0, 4)),))).tolist() == [[0.5]]


def test_outlines_alone_need_a_size() -> None:
    """They do not tell how large their image is."""
    outlines = Objects((Object((0, 0, 4, 2), 0, Polygons(((0, 0, 4, 0, 4, 2, 0, 2),))),))
    with pytest.raises(InvalidInput, match="give its size"):
        mean_matched_iou(outlines, outlines)
    assert mean_matched_iou(outlines, outlines, size=(4, 4)) == 1


def test_masks_of_images_of_two_sizes_are_refused() -> None:
    """They cannot be of one image."""
    with pytest.raises(InvalidInput, match="2 x 2 is none of 4 x 4"):
        mean_matched_iou(Objects((masked(slice(0, 2)),)), Objects((Object((0, 0, 2, 2), 0, Rle((2, 2), "22")),)))


def test_regions_overlap_as_their_pixels_do() -> None:
    """Against counting; nothing has nothing in common with itself."""
    rng = np.random.default_rng(0)
    pixels = [rng.random((5, 6)) < share for share in (0.0, 0.3, 0.6, 1.0)]
    expected = [[(a & b).sum() / max((a | b).sum(), 1) for b in pixels] for a in pixels]
    regions = [encode_region(each) for each in pixels]
    assert region_overlaps(regions, regions, 5, 6) == pytest.approx(np.array(expected))
    assert region_overlaps([], regions, 5, 6).shape == (0, 4)


def test_no_mask_needs_no_size() -> None:
    """Boxes are in pixels of whatever image."""
    assert image_size([None]) is None
    assert image_size([Rle((2, 3), "6")], (4, 5)) == (4, 5)
