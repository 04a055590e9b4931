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
from alframe.errors import UnreadableImage

hashes = st.lists(st.integers(0, 2**64 - 1), max_size=12)


def bits(first: str, second: str) -> int:
    return (int(first, 16) ^ int(second, 16)).bit_count()


def compressed(image: Image, quality: int, side: int) -> Image:
    """The picture at another size, through a JPEG."""
    file = io.BytesIO()
    PIL.Image.fromarray(image).resize((side, side)).save(file, "jpeg", quality=quality)
    return np.asarray(PIL.Image.open(file))


def unread() -> Image:
    raise AssertionError("it need not be read")


@given(known=hashes, wanted=st.integers(0, 2**64 - 1), distance=st.integers(0, 63))
def test_near_ones_are_what_a_loop_finds(known: list[int], wanted: int, distance: int) -> None:
    """Nearest first, then the first; nothing among none."""
    found = Lookalikes(len(known))
    for value in known:
        found.add(f"{value:016x}", f"{value:016x}", unread)
    expected = sorted(((value ^ wanted).bit_count(), row) for row, value in enumerate(known))
    assert found.near(f"{wanted:016x}", distance) == [(row, bits) for bits, row in expected if bits <= distance]


@pytest.mark.parametrize("seed", range(8))
def test_the_same_picture_sent_again_is_near_and_another_one_is_not(seed: int) -> None:
    """Through another compression and size; the limit leaves room on neither side by accident."""
    image = scene(seed)
    again = compressed(image, quality=70, side=96)
    assert bits(perceptual_hash(image), perceptual_hash(again)) <= NEAR / 2
    assert bits(perceptual_hash(image), perceptual_hash(scene(seed + 100))) > 2 * NEAR


@pytest.mark.parametrize("seed", range(8))
def test_a_copy_is_alike_and_another_state_of_the_same_part_is_not(seed: int) -> None:
    """A scratch that leaves the hash nearly as it was: 2 of 200 pixels wide, a tenth of the side long."""
    clean = scene(seed, side=200)
    scratched = clean.copy()
    scratched[90:92, 80:100] = np.where(clean[90:92, 80:100].mean(axis=-1, keepdims=True) > 128, 20, 235)
    assert bits(perceptual_hash(clean), perceptual_hash(scratched)) <= NEAR
    found = Lookalikes(1)
    found.add("clean", perceptual_hash(clean), lambda: clean)
    assert found.find(scratched, perceptual_hash(scratched), NEAR) is None
    for copy in (compressed(clean, quality=60, side=150), compressed(clean, quality=80, side=300)):
        assert found.find(copy, perceptual_hash(copy), NEAR) is not None


def test_what_cannot_be_read_any_more_is_like_no_other() -> None:
    """A file of long ago may be damaged; what is offered is not to blame."""

    def damaged() -> Image:
        raise UnreadableImage("damaged")

    found, digits = Lookalikes(2), perceptual_hash(scene(0))
    found.add("damaged", digits, damaged)
    assert found.find(scene(0), digits, NEAR) is None
    found.add("whole", digits, lambda: scene(0))
    assert found.find(scene(0), digits, NEAR) == ("whole", 0)


def test_grey_and_colour_are_hashed_alike() -> None:
    """The hash is one of brightness."""
    grey = scene(3)[..., :1]
    assert perceptual_hash(grey) == perceptual_hash(np.repeat(grey, 3, axis=2))


def test_an_image_too_small_to_tell_apart_resembles_none() -> None:
    """Digits of 8x8 would collide, whatever they show: they have no hash, and are found by none."""
    assert perceptual_hash(bar(2)[..., None]) == ""
    assert perceptual_hash(scene(0, side=31)) == ""
    found = Lookalikes(2)
    found.add("tiny", "", unread)
    assert found.near(perceptual_hash(scene(0)), 63) == []
    found.add("large", perceptual_hash(scene(0)), unread)
    assert found.near("", 63) == []
    assert found.near(perceptual_hash(scene(0, side=32)), NEAR) != []
