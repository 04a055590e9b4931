"""CVAT for images 1.1: one XML file of boxes, polygons, masks and tags (docs.cvat.ai, "XML annotation format").

Read and written beyond what CVAT itself says are the attributes ``crowd`` and ``difficult`` of a shape, and ``test`` as
the subset of held-out images.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np

from alframe.data.files import inside_root
from alframe.data.formats.annotations import AnnotatedImage, Annotations, Problem
from alframe.data.formats.reading import Reading, check_object, extent, finite, parse_xml, read_text
from alframe.errors import DataError
from alframe.functional.regions import encode_region
from alframe.types import Mask, Object, Objects, Polygons, Rle

TEST = "test"
SHAPES = ("box", "polygon", "mask")
OTHER_SHAPES = ("cuboid", "ellipse", "points", "polyline", "skeleton")
FLAGS = ("crowd", "difficult")


@dataclass(frozen=True)
class CvatImage:
    """What a file says of one image.

    Attributes:
        name: its path, as it was uploaded.
        size: height and width in pixels, as the file says.
        held_out: whether it is in the subset ``test``; ``None`` if in none.
    """

    name: str
    size: tuple[int, int]
    held_out: bool | None
    _element: ET.Element

    @property
    def tags(self) -> tuple[str, ...]:
        """The names of the classes that the whole image has."""
        return tuple(_said(tag, "label") for tag in self._element.findall("tag"))

    def objects(self, labels: Mapping[str, int], height: int, width: int) -> Objects:
        """The shapes, those that lie on top last; a box that is turned becomes the one around it.

        Args:
            labels: the class of each name.
            height: of the image, which the file may only claim to know.
            width: of the image.

        Raises:
            ValueError: an unknown class, a kind of shape that is no object, one that does not fit into the image.
        """
        for kind in OTHER_SHAPES:
            if self._element.find(kind) is not None:
                raise ValueError(f"objects are drawn as {', '.join(SHAPES)}; it has one of the kind {kind}")
        shapes = [shape for shape in self._element if shape.tag in SHAPES]
        shapes.sort(key=lambda shape: finite(shape.get("z_order", "0")))
        return Objects(tuple(_object(shape, labels, height, width) for shape in shapes))


@dataclass(frozen=True)
class CvatFile:
    """What a file says: the names of its classes, in order, and its images."""

    classes: tuple[str, ...]
    images: tuple[CvatImage, ...]


def parse_cvat(text: str) -> CvatFile:
    """What an XML file of CVAT for images says; whether its shapes can be, ``CvatImage.objects`` tells.

    Raises:
        ValueError: no such file, one with a DOCTYPE, one of CVAT for video, images without name or size.
    """
    root = parse_xml(text)
    if root.tag != "annotations":
        raise ValueError(f"it is no file of CVAT's: it begins with <{root.tag}>, not <annotations>")
    if root.find("track") is not None:
        raise ValueError("it has tracks, so it is CVAT for video; export the task as CVAT for images 1.1")
    labels = next(root.iterfind("meta/*/labels"), ET.Element("labels"))
    classes = [(label.findtext("name") or "").strip() for label in labels.findall("label")]
    return CvatFile(tuple(classes), tuple(_image(element) for element in root.findall("image")))


def read_cvat(path: Path, root: Path) -> Annotations:
    """What an XML file of CVAT for images says of the images below ``root``; all that it lists count as looked at.

    Tags are passed over: they are classes of whole images.

    Args:
        path: the XML file.
        root: the folder that the images' names start from.

    Raises:
        DataError: a file that is not CVAT's, or that names no classes.
    """
    try:
        file = parse_cvat(read_text(path))
    except ValueError as error:
        raise DataError(f"{path}: {error}") from error
    if not file.classes:
        raise DataError(f"{path} names no classes: in a file of CVAT's they are in meta/task/labels")
    labels = {name: label for label, name in enumerate(file.classes)}
    reading = Reading(root)
    for image in file.images:
        place = f"{path}, image {image.name}"
        with reading.at(place):
            name = inside_root(image.name)
            if name in reading.images:
                reading.problems.append(Problem(place, "the image is listed already", name))
                continue
            size = reading.size(name, place, image.size)
            objects = None
            if any(size):
                with reading.at(place, name):
                    objects = image.objects(labels, *size)
            reading.images[name] = AnnotatedImage(name, size, objects, held_out=image.held_out)
    return reading.annotations(file.classes)


def _image(element: ET.Element) -> CvatImage:
    name = _said(element, "name")
    try:
        height, width = (int(_said(element, edge)) for edge in ("height", "width"))
    except ValueError as error:
        raise ValueError(f"image {name}: {error}") from error
    subset = element.get("subset")
    return CvatImage(name, (height, width), None if subset is None else subset.casefold() == TEST, element)


def _said(element: ET.Element, attribute: str) -> str:
    text = element.get(attribute, "").strip()
    if not text:
        raise ValueError(f"there is no {attribute} of <{element.tag}>")
    return text


def _number(element: ET.Element, attribute: str) -> float:
    try:
        return finite(_said(element, attribute))
    except ValueError as error:
        raise ValueError(f"{attribute}: {error}") from error


def _object(shape: ET.Element, labels: Mapping[str, int], height: int, width: int) -> Object:
    name = _said(shape, "label")
    if name not in labels:
        raise ValueError(f"there is no class {name!r}; the classes are {', '.join(labels)}")
    said = {(each.get("name") or ""): (each.text or "").strip().casefold() for each in shape.findall("attribute")}
    crowd, difficult = (said.get(flag) == "true" for flag in FLAGS)
    mask: Mask | None = None
    if shape.tag == "box":
        left, top, right, bottom = (_number(shape, edge) for edge in ("xtl", "ytl", "xbr", "ybr"))
        box = (left, top, right, bottom)
        if degrees := finite(shape.get("rotation", "0")):
            left, top, right, bottom = _turned(box, degrees)  # which may lead its corners out of the image
            box = (max(left, 0.0), max(top, 0.0), min(right, float(width)), min(bottom, float(height)))
    elif shape.tag == "polygon":
        corners = _said(shape, "points").split(";")
        ring = tuple(finite(number) for corner in corners for number in corner.split(","))
        if len(ring) != 2 * len(corners):
            raise ValueError("a polygon has corners that are not two numbers each")
        mask, box = Polygons((ring,)), extent([ring])
    else:
        mask = _mask(shape, height, width)
        left, top, across, down = (_number(shape, side) for side in ("left", "top", "width", "height"))
        box = (left, top, left + across, top + down)
    return check_object(Object(box, labels[name], mask, crowd, difficult), height, width)


def _turned(box: tuple[float, float, float, float], degrees: float) -> tuple[float, float, float, float]:
    """The box around a box that is turned about its centre."""
    left, top, right, bottom = box
    cosine, sine = abs(math.cos(math.radians(degrees))), abs(math.sin(math.radians(degrees)))
    across, down = right - left, bottom - top
    x, y = (left + right) / 2, (top + bottom) / 2
    half_width, half_height = (across * cosine + down * sine) / 2, (across * sine + down * cosine) / 2
    return x - half_width, y - half_height, x + half_width, y + half_height


def _mask(shape: ET.Element, height: int, width: int) -> Rle:
    """Run lengths row by row inside a box, of pixels outside and inside the region in turn, as a region of the image.

    They are drawn only if they fit: no file makes an array that is larger than its image.
    """
    left, top, across, down = (int(_said(shape, side)) for side in ("left", "top", "width", "height"))
    if min(left, top) < 0 or min(across, down) < 1 or left + across > width or top + down > height:
        raise ValueError(f"the mask of {across} x {down} pixels at ({left}, {top}) is outside the image")
    runs = [int(run) for run in _said(shape, "rle").split(",")]
    if min(runs) < 0 or sum(runs) != across * down:
        raise ValueError(f"the run lengths cover {sum(runs)} pixels and not the mask's {across} x {down}")
    pixels = np.zeros((height, width), dtype=np.bool_)
    pixels[top : top + down, left : left + across] = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(
        down, across
    )
    return encode_region(pixels)
