"""Objects drawn on images: where the pixels change, and in which colour."""

from __future__ import annotations

import base64
import io

import numpy as np
import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import ImageColor

from alframe.functional.regions import encode_region
from alframe.report.pictures import COLOURS, NEUTRAL, SIDE, class_colour, data_uri, draw_objects, objects_uri, said_of
from alframe.types import UNLABELLED, Object, Objects

GREY = np.full((100, 50, 1), 128, dtype=np.uint8)
"""An image that is drawn at twice its size."""
CLASSES = ("scratch", "pit")


def colours_in(picture: PIL.Image.Image) -> set[tuple[int, ...]]:
    return {tuple(colour) for colour in np.asarray(picture).reshape(-1, 3).tolist()}


def rgb(label: int) -> tuple[int, ...]:
    return ImageColor.getrgb(class_colour(label))


def changed(picture: PIL.Image.Image) -> NDArray[np.bool_]:
    return np.asarray(np.any(np.asarray(picture) != 128, axis=2))


def test_an_image_without_objects_is_only_scaled() -> None:
    """Its longer side has ``SIDE`` pixels, larger or smaller than it was, and it is in colour."""
    picture = draw_objects(GREY, Objects(), CLASSES)
    assert (picture.size, picture.mode) == ((SIDE // 2, SIDE), "RGB")
    assert not changed(picture).any()
    wide = np.zeros((300, 900, 3), dtype=np.uint8)
    assert draw_objects(wide, Objects(), CLASSES).size == (SIDE, round(SIDE / 3))


def test_a_box_is_a_frame_where_it_says() -> None:
    """Its sides are in the colour of its class at their places; inside nothing changes but the name above."""
    found = Object((10, 30, 40, 60), 1, score=0.9)
    picture = draw_objects(GREY, Objects((found,)), CLASSES)
    pixels, touched = np.asarray(picture), changed(picture)
    for x, y in ((20, 90), (80, 90), (50, 120), (50, 60)):
        assert tuple(pixels[y, x]) == rgb(1)
    assert not touched[66:114, 26:74].any()
    assert not touched[126:].any()


def test_peoples_boxes_are_dashed() -> None:
    """Along a side there are gaps, which the frame of a detection has not."""
    box = (10.0, 30.0, 40.0, 90.0)
    drawn = changed(draw_objects(GREY, Objects((Object(box, 0),)), CLASSES))[64:176, 80]
    found = changed(draw_objects(GREY, Objects((Object(box, 0, score=0.9),)), CLASSES))[64:176, 80]
    assert found.all()
    assert 0.3 < drawn.mean() < 0.9


def test_unsure_detections_are_thin_and_without_a_name() -> None:
    """A score below one half changes fewer pixels, and none above the box."""
    box = (10.0, 30.0, 40.0, 60.0)
    sure, unsure = (changed(draw_objects(GREY, Objects((Object(box, 0, score=s),)), CLASSES)) for s in (0.5, 0.49))
    assert unsure.sum() < sure.sum() * 0.8
    assert sure[:57].any()
    assert not unsure[:57].any()


def test_a_mask_is_filled_and_outlined() -> None:
    """Inside the colour shines through, around it is the pure colour, elsewhere is nothing; the frame is a choice."""
    region = np.zeros((100, 50), dtype=bool)
    region[40:80, 10:30] = True
    each = Object((10, 40, 30, 80), 0, mask=encode_region(region))
    alone = draw_objects(GREY, Objects((each,)), CLASSES, boxes=False)
    inside = np.asarray(alone)[100:140, 30:50].reshape(-1, 3)
    assert (inside == inside[0]).all()
    low, high = np.minimum(rgb(0), 128), np.maximum(rgb(0), 128)
    assert ((low <= inside[0]) & (inside[0] <= high)).all()
    assert tuple(inside[0]) not in {rgb(0), (128, 128, 128)}
    assert tuple(np.asarray(alone)[120, 19]) == rgb(0)
    assert not changed(alone)[165:].any()
    framed = draw_objects(GREY, Objects((each,)), CLASSES)
    assert changed(framed).sum() > changed(alone).sum()


@settings(max_examples=30)
@given(
    box=st.tuples(*[st.floats(0, 50)] * 4),
    label=st.integers(UNLABELLED, 20),
    score=st.none() | st.floats(0, 1),
    crowd=st.booleans(),
)
def test_any_box_can_be_drawn(
    box: tuple[float, float, float, float], label: int, score: float | None, crowd: bool
) -> None:
    """Of no size, at the edge, without a class or beyond the known ones: it leaves a mark in the class's colour."""
    left, top, right, bottom = min(box[0], box[2]), min(box[1], box[3]), max(box[0], box[2]), max(box[1], box[3])
    each = Object((left, top, right, bottom), label, crowd=crowd, score=score)
    picture = draw_objects(GREY, Objects((each,)), CLASSES)
    assert rgb(label) in colours_in(picture)


def test_colours_tell_classes_apart() -> None:
    """As many as Okabe and Ito have, none of them the neutral one, and then again from the first."""
    assert len({*COLOURS, NEUTRAL}) == len(COLOURS) + 1
    assert class_colour(len(COLOURS) + 1) == class_colour(1)
    assert class_colour(UNLABELLED) == NEUTRAL


def test_objects_in_words() -> None:
    """Counts by class, in the order of classes; regions to be ignored, and classes without a name."""
    labels = (1, 0, 1, 2, UNLABELLED)
    objects = Objects(tuple(Object((0, 0, 1, 1), label) for label in labels))
    assert said_of(objects, CLASSES) == "1 ignored, 1 scratch, 2 pit, 1 class 2"


@pytest.mark.parametrize("uri", [data_uri(GREY[:20, :20]), data_uri(GREY), objects_uri(GREY, Objects(), CLASSES)])
def test_data_uris_are_pictures(uri: str) -> None:
    """What follows the comma is an image of the kind that the beginning says."""
    kind, content = uri.removeprefix("data:image/").split(";base64,")
    with PIL.Image.open(io.BytesIO(base64.b64decode(content))) as opened:
        assert opened.format == kind.upper()
        assert abs(int(np.asarray(opened).reshape(-1)[0]) - 128) <= 2
