"""Regions against pycocotools, and class maps against what they were made of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from pycocotools import mask as reference

from alframe.errors import InvalidInput
from alframe.functional.regions import (
    IGNORED,
    box_of,
    class_map,
    decode_region,
    decode_runs,
    encode_region,
    encode_runs,
    region_area,
    regions_of,
)
from alframe.types import Object, Objects, Polygons, Rle

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools' own


def test_200_regions_are_encoded_as_by_pycocotools() -> None:
    """Noise and blobs, none and all of an image: the same strings, pixels and areas, both ways."""
    rng = np.random.default_rng(0)
    for _ in range(200):
        height, width = rng.integers(1, 60, 2)
        coarse = rng.random((-(-height // 5), -(-width // 5))) < rng.choice([0, 0.2, 0.8, 1])
        pixels = np.kron(coarse, np.ones((5, 5), dtype=np.bool_))[:height, :width] ^ (
            rng.random((height, width)) < rng.choice([0, 0.1])
        )
        expected = reference.encode(np.asfortranarray(pixels, dtype=np.uint8))
        found = encode_region(pixels)
        assert (found.size, found.counts) == ((height, width), expected["counts"].decode())
        np.testing.assert_array_equal(decode_region(found, height, width), reference.decode(expected))
        assert region_area(found, height, width) == reference.area(expected) == pixels.sum()
        runs = decode_runs(found, height, width)
        assert encode_runs(runs.tolist(), height, width) == found
        inside = np.arange(len(runs)) % 2 == 1
        np.testing.assert_array_equal(np.repeat(inside, runs), pixels.ravel(order="F"))


@given(st.lists(st.integers(0, 2**30), min_size=1, max_size=20))
def test_run_lengths_of_any_size_come_back(counts: list[int]) -> None:
    """Long and short ones in turn, whose differences have many digits and either sign."""
    total = sum(counts)
    assert decode_runs(encode_runs(counts, 1, total), 1, total).tolist() == counts


@given(st.text(st.characters(min_codepoint=40, max_codepoint=120), max_size=8), st.integers(1, 6), st.integers(1, 6))
def test_a_damaged_string_is_refused_as_by_decoding(text: str, height: int, width: int) -> None:
    """What has run lengths has pixels, and the same."""
    try:
        runs = decode_runs(Rle((height, width), text), height, width)
    except InvalidInput:
        return
    pixels = decode_region(Rle((height, width), text), height, width)
    np.testing.assert_array_equal(np.repeat(np.arange(len(runs)) % 2 == 1, runs), pixels.ravel(order="F"))


@pytest.mark.parametrize("text", ["", "2", "23", "22P", "PPPPPPPPPPPP2", "é", "2/", "M5", "22" * 100])
def test_strings_that_are_no_run_lengths(text: str) -> None:
    """Too short, too long, broken off, of too many digits, of other characters, negative."""
    with pytest.raises(InvalidInput, match="no run lengths of an image of 2 x 2"):
        decode_runs(Rle((2, 2), text), 2, 2)


def test_200_polygons_are_drawn_as_by_pycocotools() -> None:
    """One ring or more, partly outside the image too; of several the union."""
    rng = np.random.default_rng(1)
    for _ in range(200):
        height, width = (int(side) for side in rng.integers(5, 60, 2))
        rings = tuple(
            tuple(rng.uniform(-3, 60, 2 * int(rng.integers(3, 8))).tolist()) for _ in range(int(rng.integers(1, 4)))
        )
        expected = reference.merge(reference.frPyObjects([list(ring) for ring in rings], height, width))
        np.testing.assert_array_equal(decode_region(Polygons(rings), height, width), reference.decode(expected))
        assert region_area(Polygons(rings), height, width) == reference.area(expected)


@given(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=8), elements=st.sampled_from([0, 1, 2, 5])))
def test_a_class_map_is_its_regions(classes: NDArray[np.uint8]) -> None:
    """``regions_of`` and back; each region lies in its box, and touches its edges."""
    objects = []
    for label, region in regions_of(classes).items():
        pixels = decode_region(region, *classes.shape)
        left, top, right, bottom = (int(edge) for edge in box_of(pixels))
        assert pixels[top:bottom, left:right].sum() == pixels.sum() > 0
        assert pixels[[top, bottom - 1]].any(axis=1).all()
        assert pixels[:, [left, right - 1]].any(axis=0).all()
        objects.append(Object(box=box_of(pixels), label=label, mask=region))
    np.testing.assert_array_equal(class_map(Objects(tuple(objects)), *classes.shape), classes)


def test_the_later_object_lies_on_top_and_what_is_ignored_on_all() -> None:
    """An object without a mask has no pixels."""
    left, top = np.zeros((2, 2), dtype=np.bool_), np.zeros((2, 2), dtype=np.bool_)
    left[:, 0], top[0] = True, True
    corner = left & top
    box = (0.0, 0.0, 2.0, 2.0)
    objects = Objects(
        (
            Object(box=box, label=7, mask=encode_region(corner), difficult=True),
            Object(box=box, label=0, mask=encode_region(left)),
            Object(box=box, label=1, mask=encode_region(top)),
            Object(box=box, label=2),
        )
    )
    assert class_map(objects, 2, 2).tolist() == [[IGNORED, 2], [1, 0]]


def test_a_region_of_another_image_is_refused() -> None:
    """Its size is known; an array that is no image is refused too."""
    with pytest.raises(InvalidInput, match="2 x 2"):
        decode_region(Rle((2, 2), "22"), 2, 3)
    with pytest.raises(InvalidInput, match=r"\(H, W\)"):
        encode_region(np.zeros((2, 2, 2), dtype=np.bool_))
