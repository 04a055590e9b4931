"""The synthetic surfaces: what is drawn is where boxes and masks say, from the seed and the row alone."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest

from alframe.data import SurfaceDefects
from alframe.data.surface_defects.defects import CLASSES, draw_defects
from alframe.data.surface_defects.surface import CAMERAS, draw_surface
from alframe.errors import ConfigurationError, DataError
from alframe.functional.regions import box_of, decode_region
from alframe.types import Rle


@pytest.fixture(scope="module")
def source() -> SurfaceDefects:
    """The data set as it is by default."""
    return SurfaceDefects()


def test_shares_are_as_described(source: SurfaceDefects) -> None:
    """About 40 % of 600 images are empty, cracks are in about 5 %, every class and several defects occur."""
    labels = source.table.labels
    counts = np.array([len(each) for each in labels])
    assert np.mean(counts == 0) == pytest.approx(0.4, abs=0.06)
    assert np.mean([CLASSES.index("crack") in each.labels for each in labels]) == pytest.approx(0.05, abs=0.025)
    assert set(counts.tolist()) == {0, 1, 2, 3, 4}
    held_out = source.table.held_out
    assert held_out.sum() == 150
    assert np.mean(counts[held_out] == 0) == pytest.approx(np.mean(counts == 0), abs=0.01)
    for part in (held_out, ~held_out):
        assert set(np.concatenate([each.labels for each in labels[part]]).tolist()) == {0, 1, 2, 3}


def test_boxes_are_those_of_the_masks(source: SurfaceDefects) -> None:
    """Each object has a mask of the image's size with some pixels, and the smallest box around them."""
    assert source.has_masks
    for each in source.table.labels[:80]:
        for found in each:
            assert isinstance(found.mask, Rle)
            pixels = decode_region(found.mask, 128, 128)
            assert pixels.sum() >= 8
            assert found.box == box_of(pixels)


def test_every_defect_can_be_seen() -> None:
    """What a defect adds to the grey levels inside its mask stands out from what it adds far away, which is nothing."""
    for seed in range(60):
        for defect in draw_defects(64, np.random.default_rng(seed)):
            inside = defect.cover >= 0.5
            assert np.abs(defect.change[inside]).mean() > 8
            far = np.ones((64, 64), dtype=bool)
            left, top, right, bottom = (round(edge) for edge in defect.as_object().box)
            far[max(top - 10, 0) : bottom + 10, max(left - 10, 0) : right + 10] = False
            assert not defect.change[far].any()


def test_images_are_drawn_from_seed_and_row(source: SurfaceDefects) -> None:
    """The same again for the same seed, others for another; a larger set begins with the images of a smaller one."""
    small, other = SurfaceDefects(count=40), SurfaceDefects(count=40, seed=1)
    for row in range(0, 40, 5):
        image = small.read(row)
        assert image.shape == (128, 128, 1)
        assert image.dtype == np.uint8
        np.testing.assert_array_equal(image, source.read(row))
        assert (image != other.read(row)).any()
    assert small.table.labels.tolist() == source.table.labels[:40].tolist()
    assert small.table.ids.tolist() == source.table.ids[:40].tolist()


def test_cameras_differ(source: SurfaceDefects) -> None:
    """The groups are the three cameras in their shares, and the dark one is darker than the others."""
    names, counts = np.unique(source.table.groups, return_counts=True)
    assert names.tolist() == [camera.name for camera in CAMERAS]
    np.testing.assert_allclose(counts / 600, [camera.share for camera in CAMERAS], atol=0.06)
    bright, _, dark = (draw_surface(camera, 64, np.random.default_rng(0)).mean() for camera in CAMERAS)
    assert bright - dark > 20


def test_content_hash_is_that_of_the_pixels(source: SurfaceDefects) -> None:
    """SHA-256 of shape and values."""
    image = source.read(3)
    assert source.content_hash(3) == hashlib.sha256(b"(128, 128, 1)" + image.tobytes()).hexdigest()


@pytest.mark.parametrize("size", [32, 200])
def test_other_sizes(size: int) -> None:
    """Defects grow with the image and keep a mask at the smallest size."""
    source = SurfaceDefects(count=60, size=size, empty_share=0)
    assert source.read(0).shape == (size, size, 1)
    objects = [found for each in source.table.labels for found in each]
    assert all(found.mask is not None and found.mask.size == (size, size) for found in objects)
    assert all(found.box[2] > found.box[0] and found.box[3] > found.box[1] for found in objects)
    widths = [found.box[2] - found.box[0] for found in objects]
    assert 0.05 < np.median(widths) / size < 0.5


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"size": 31}, ConfigurationError),
        ({"empty_share": 1.0}, ConfigurationError),
        ({"empty_share": -0.1}, ConfigurationError),
        ({"count": 0}, DataError),
        ({"count": 8, "held_out": 1.0}, DataError),
    ],
)
def test_refusals(arguments: dict[str, Any], error: type[Exception]) -> None:
    """Settings that make no data set are refused when it is built."""
    with pytest.raises(error, match=r"empty_share|held_out|hold out"):
        SurfaceDefects(**arguments)
