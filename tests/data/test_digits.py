"""The bundled digits."""

from __future__ import annotations

import hashlib

import numpy as np
from sklearn.datasets import load_digits

from alframe.data import Digits


def test_pixels_and_labels_are_the_bundled_ones() -> None:
    """Every image is scikit-learn's, its 17 levels spread over 0..255, and each has its id."""
    source, bunch = Digits(), load_digits()
    images = np.stack([source.read(position) for position in range(len(source.table))])
    np.testing.assert_allclose(images[..., 0] / 255, bunch.images / 16, atol=0.5 / 255)
    assert images.dtype == np.uint8
    assert (images.min(), images.max()) == (0, 255)
    np.testing.assert_array_equal(source.table.labels, bunch.target)
    assert source.table.ids[42] == "digits/0042"
    assert source.classes == tuple("0123456789")


def test_split_is_stratified_and_seeded() -> None:
    """A quarter of every digit is held out; another seed holds out others, under the same ids."""
    first, other = Digits(split_seed=0).table, Digits(split_seed=1).table
    shares = np.bincount(first.labels[first.held_out]) / np.bincount(first.labels)
    np.testing.assert_allclose(shares, 0.25, atol=0.005)
    np.testing.assert_array_equal(first.ids, other.ids)
    assert (first.held_out != other.held_out).any()


def test_content_hash_covers_shape_and_values() -> None:
    """The hash is SHA-256 of the shape and the values; images that differ have other hashes."""
    source = Digits()
    expected = hashlib.sha256(b"(8, 8, 1)" + source.read(3).tobytes()).hexdigest()
    assert source.content_hash(3) == expected
    assert len({source.content_hash(position) for position in range(50)}) == 50


def test_images_cannot_be_changed() -> None:
    """What a reader is given is read-only, so that no transform can spoil the data of later rounds."""
    assert not Digits().read(0).flags.writeable
