"""Images with the objects in them drawn on top, as small pictures that live inside a page."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path

import matplotlib as mpl
import numpy as np
import PIL.Image
from numpy.typing import NDArray
from PIL import ImageChops, ImageDraw, ImageFilter, ImageFont

from alframe.data.source import Image
from alframe.functional.regions import decode_region
from alframe.report.heat_table import class_names
from alframe.types import UNLABELLED, Object, Objects

THUMBNAIL = 96
"""Larger images without objects are scaled down so that their longer side has this many pixels."""

SIDE = 200
"""Images with objects are scaled to this, down or up, so that what is drawn on them can be read."""

SURE = 0.5
"""Detections with a lower score are drawn with a thin line and without a name: there may be many of them."""

COLOURS = ("#56b4e9", "#e69f00", "#f0e442", "#cc79a7", "#009e73", "#d55e00", "#0072b2")
"""Of the classes, in order and then again: Okabe and Ito's, which the colour-blind can tell apart. The light ones come
first, because they stand out on photographs."""
NEUTRAL = "#bbbbbb"
"""Of regions that are only to be ignored."""
HALO = "#000000"

FILL = 80
"""Opacity of a mask's fill, of 255."""
DASH = 5
"""Pixels of a dash and of the gap after it."""

Box = tuple[float, float, float, float]


def class_colour(label: int) -> str:
    """The colour of a class.

    >>> class_colour(0) == class_colour(7)
    True
    """
    return NEUTRAL if label == UNLABELLED else COLOURS[label % len(COLOURS)]


def said_of(objects: Objects, classes: Sequence[str]) -> str:
    """Objects in words.

    >>> scratch = Object((0, 0, 1, 1), label=0)
    >>> said_of(Objects((scratch, scratch)), ["scratch", "pit"]), said_of(Objects(), ["scratch", "pit"])
    ('2 scratch', 'nothing')
    """
    labels = objects.labels.tolist()
    counts = {label: labels.count(label) for label in sorted(set(labels))}
    return ", ".join(f"{count} {_name(label, classes)}" for label, count in counts.items()) or "nothing"


def is_sure(each: Object) -> bool:
    """Whether a person drew it, or a learner gives it a score of ``SURE`` or more."""
    return each.score is None or each.score >= SURE


def draw_objects(image: Image, objects: Objects, classes: Sequence[str], *, boxes: bool = True) -> PIL.Image.Image:
    """The image in colour, its longer side ``SIDE`` pixels, with its objects.

    A mask is a translucent fill with an outline, a box a frame: dashed where people drew it, solid with the score where
    a learner did, and thin where the score is below ``SURE``.

    Args:
        image: (H, W, 1 or 3).
        objects: in pixels of the image.
        classes: names of the classes.
        boxes: whether objects that have a mask are drawn with their boxes too.
    """
    height, width = image.shape[:2]
    scale = SIDE / max(height, width)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    picture = _as_picture(image).convert("RGB").resize(size, PIL.Image.Resampling.BICUBIC)
    for each in objects:
        if each.mask is not None:
            pixels = decode_region(each.mask, height, width)
            _paint_mask(picture, pixels, class_colour(each.label))
    pen = ImageDraw.Draw(picture)
    # The surest last, so that they lie on top.
    ordered = sorted(objects, key=lambda each: 1.0 if each.score is None else each.score)
    for each in ordered:
        if boxes or each.mask is None:
            _frame(pen, _scaled(each.box, scale, size), each)
    for each in ordered:
        if is_sure(each):
            _write_name(pen, _scaled(each.box, scale, size), each, classes, size)
    return picture


def data_uri(image: Image) -> str:
    """An image as a data URI: lossless PNG if it is small, else scaled down to ``THUMBNAIL`` and JPEG."""
    picture = _as_picture(image)
    if max(picture.size) <= THUMBNAIL:
        return _encoded(picture, "png")
    picture.thumbnail((THUMBNAIL, THUMBNAIL))
    return _encoded(picture, "jpeg")


def objects_uri(image: Image, objects: Objects, classes: Sequence[str], *, boxes: bool = True) -> str:
    """What ``draw_objects`` draws, as a data URI."""
    return _encoded(draw_objects(image, objects, classes, boxes=boxes), "jpeg")


def _encoded(picture: PIL.Image.Image, kind: str) -> str:
    buffer = io.BytesIO()
    # Thin coloured lines suffer where colours are kept at half the resolution.
    picture.save(buffer, format=kind, **({"quality": 80, "subsampling": 0} if kind == "jpeg" else {}))
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _as_picture(image: Image) -> PIL.Image.Image:
    return PIL.Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)


def _paint_mask(picture: PIL.Image.Image, pixels: NDArray[np.bool_], colour: str) -> None:
    whole = PIL.Image.fromarray(pixels.astype(np.uint8) * 255).resize(picture.size, PIL.Image.Resampling.BILINEAR)
    region = whole.point(lambda value: 255 if value >= 128 else 0)
    picture.paste(colour, mask=region.point(lambda value: FILL if value else 0))
    # Around it, so that what is as thin as a scratch is not hidden.
    picture.paste(colour, mask=ImageChops.subtract(region.filter(ImageFilter.MaxFilter(3)), region))


def _frame(pen: ImageDraw.ImageDraw, box: Box, each: Object) -> None:
    """A frame in the colour of the class within a dark one, which sets it off on any ground."""
    left, top, right, bottom = box
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    width = 2 if is_sure(each) else 1
    colour = class_colour(each.label)
    if each.score is not None:
        pen.line(corners, fill=HALO, width=width + 2)
        pen.line(corners, fill=colour, width=width)
        return
    for start, end in pairwise(corners):
        for dash in _dashes(start, end):
            pen.line(dash, fill=HALO, width=width + 2)
            pen.line(dash, fill=colour, width=width)


def _dashes(start: tuple[float, float], end: tuple[float, float]) -> list[list[tuple[float, float]]]:
    length = max(float(np.hypot(end[0] - start[0], end[1] - start[1])), 1e-9)
    ends = [(at, min(at + DASH, length)) for at in np.arange(0, length, 2 * DASH).tolist()]
    return [
        [(start[0] + (end[0] - start[0]) * at / length, start[1] + (end[1] - start[1]) * at / length) for at in pair]
        for pair in ends
    ]


def _write_name(
    pen: ImageDraw.ImageDraw, box: Box, each: Object, classes: Sequence[str], size: tuple[int, int]
) -> None:
    """The class and the score on a ground of the class's colour: over the box, or inside it at the upper edge."""
    text = _name(each.label, classes) + ("" if each.score is None else f" {each.score:.2f}")
    text += " (crowd)" if each.crowd else " (difficult)" if each.difficult else ""
    width, height = round(_font().getlength(text)) + 4, 13
    left = float(np.clip(box[0] - 1, 0, max(size[0] - width, 0)))
    top = box[1] - height if box[1] >= height else min(box[1], size[1] - height)
    pen.rectangle((left, top, left + width, top + height - 1), fill=class_colour(each.label))
    pen.text((left + 2, top + height / 2), text, fill=HALO, font=_font(), anchor="lm")


def _scaled(box: Box, scale: float, size: tuple[int, int]) -> Box:
    x = np.clip(np.array(box[0::2]) * scale, 0, size[0] - 1)
    y = np.clip(np.array(box[1::2]) * scale, 0, size[1] - 1)
    return float(x[0]), float(y[0]), float(x[1]), float(y[1])


def _name(label: int, classes: Sequence[str]) -> str:
    return "ignored" if label == UNLABELLED else class_names(classes, label + 1)[label]


@cache
def _font() -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size=10)
