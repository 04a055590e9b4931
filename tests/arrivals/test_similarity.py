"""Perceptual hashes: what looks the same is near, what does not is far, and the search is the plain loop's."""

from __future__ import annotations

import io

import numpy as np
import PIL.Image
import pytest
from arriving import bar, scene
from hypothesis import given
from hypothesis import strategies as st

from alframe.arrivals.similarity import NEAR, Lookalikes, perceptual_hash
from alframe.data import Image

hashes = st.lists(st.integers(0, 2**64 - 1), max_size=12)


def bits(first: str, second: str) -> int:
    return (int(first, 16) ^ int(second, 16)).bit_count()


def compressed(image: Image, quality: int, side: int) -> Image:
    """The picture at another size, through a JPEG."""
    file = io.BytesIO()
    PIL.Image.fromarray(image).resize((side, side)).save(file, "jpeg", quality=quality)
    return np.asarray(PIL.Image.open(file))


@given(known=hashes, wanted=st.integers(0, 2**64 - 1))
def test_the_nearest_is_what_a_loop_finds(known: list[int], wanted: int) -> None:
    """The first with the fewest differing bits; nothing among none."""
    found = Lookalikes(len(known))
    for value in known:
        found.add(f"{value:016x}", f"{value:016x}")
    expected = min(((value ^ wanted).bit_count(), row) for row, value in enumerate(known)) if known else None
    nearest = found.nearest(f"{wanted:016x}")
    assert nearest == (None if expected is None else (f"{known[expected[1]]:016x}", expected[0]))


@pytest.mark.parametrize("seed", range(8))
def test_the_same_picture_sent_again_is_near_and_another_one_is_not(seed: int) -> None:
    """Through another compression and size; the limit leaves room on neither side by accident."""
    image = scene(seed)
    again = compressed(image, quality=70, side=96)
    assert bits(perceptual_hash(image), perceptual_hash(again)) <= NEAR
    assert bits(perceptual_hash(image), perceptual_hash(scene(seed + 100))) > 5 * NEAR


def test_grey_and_colour_are_hashed_alike() -> None:
    """The hash is one of brightness."""
    grey = scene(3)[..., :1]
    assert perceptual_hash(grey) == perceptual_hash(np.repeat(grey, 3, axis=2))


def test_an_image_too_small_to_tell_apart_resembles_none() -> None:
    """Digits of 8x8 would collide, whatever they show: they have no hash, and are found by none."""
    assert perceptual_hash(bar(2)[..., None]) == ""
    assert perceptual_hash(scene(0, side=31)) == ""
    found = Lookalikes(2)
    found.add("tiny", "")
    assert found.nearest(perceptual_hash(scene(0))) is None
    found.add("large", perceptual_hash(scene(0)))
    assert found.nearest("") is None
    assert found.nearest(perceptual_hash(scene(0, side=32))) is not None
