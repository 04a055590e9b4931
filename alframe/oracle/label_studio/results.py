"""Labels as Label Studio's results: choices, and regions whose places are percentages of the image."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any
from xml.etree import ElementTree as ET

from pydantic import Field, FiniteFloat, TypeAdapter

from alframe.data.formats.reading import check_object, extent, validated
from alframe.functional.regions import box_of, decode_region, encode_region
from alframe.labelling.settings import Kind
from alframe.oracle.label_studio.brush import decode_brush, encode_brush
from alframe.types import UNLABELLED, Label, Object, Objects, Polygons

CONTROLS: Mapping[Kind, Mapping[str, str]] = {
    "classification": {"class": "Choices"},
    "detection": {"box": "RectangleLabels"},
    "segmentation": {"brush": "BrushLabels", "polygon": "PolygonLabels"},
}
"""The controls of a labelling interface by their names, for each kind."""

IMAGE = "image"
"""The name of what is labelled, and of the field of a task that it comes from."""

Corner = Annotated[tuple[FiniteFloat, ...], Field(min_length=2, max_length=2)]


@dataclass(frozen=True)
class _Rectangle:
    x: FiniteFloat
    y: FiniteFloat
    width: FiniteFloat
    height: FiniteFloat
    rectanglelabels: list[str] = field(default_factory=list)
    rotation: FiniteFloat = 0.0


@dataclass(frozen=True)
class _Polygon:
    points: list[Corner]
    polygonlabels: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Brush:
    rle: list[int]
    brushlabels: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Choices:
    choices: list[str]


@dataclass(frozen=True)
class _Result:
    """A part of an annotation; other controls, such as comments, have other types."""

    type: str
    value: Any = None


RESULT = TypeAdapter(_Result)
CHOICES = TypeAdapter(_Choices)
RECTANGLE = TypeAdapter(_Rectangle)
POLYGON = TypeAdapter(_Polygon)
BRUSH = TypeAdapter(_Brush)


def label_config(kind: Kind, classes: Sequence[str]) -> str:
    """The XML of a labelling interface for images of these classes.

    >>> label_config("detection", ["pit"]).removeprefix('<View><Image name="image" value="$image" />')
    '<RectangleLabels name="box" toName="image"><Label value="pit" /></RectangleLabels></View>'
    """
    view = ET.Element("View")
    ET.SubElement(view, "Image", name=IMAGE, value=f"${IMAGE}")
    for name, tag in CONTROLS[kind].items():
        control = ET.SubElement(view, tag, name=name, toName=IMAGE)
        if kind == "classification":
            control.attrib |= {"choice": "single", "required": "true"}
        for each in classes:
            ET.SubElement(control, "Choice" if kind == "classification" else "Label", value=each)
    return ET.tostring(view, encoding="unicode")


def results_of(label: Label, kind: Kind, classes: Sequence[str], height: int, width: int) -> list[dict[str, Any]]:
    """A label as results, for an image of this size; what has no class, and in segmentation no mask, is left out."""
    if not isinstance(label, Objects):
        return [_result("class", "choices", {"choices": [classes[label]]})]
    size = {"original_width": width, "original_height": height, "image_rotation": 0}
    found = []
    for number, each in enumerate(label):
        if each.label != UNLABELLED and (kind == "detection" or each.mask is not None):
            region = _region(each, kind, classes[each.label], height, width)
            score = {} if each.score is None else {"score": each.score}
            found.append({"id": f"region-{number}", **region, **size, **score})
    return found


def label_of(results: Sequence[object], kind: Kind, classes: Sequence[str], height: int, width: int) -> Label:
    """The label that results stand for; a box that is turned becomes the one around it.

    Raises:
        ValueError: not one class where one is asked for, a class that there is not, regions that cannot be.
    """
    parts = [validated(RESULT, each) for each in results]
    if kind == "classification":
        named = [name for each in parts if each.type == "choices" for name in validated(CHOICES, each.value).choices]
        return _class(named, classes)
    readers = {"rectanglelabels": _rectangle, "polygonlabels": _polygon, "brushlabels": _brush}
    found = [readers[each.type](each.value, classes, height, width) for each in parts if each.type in readers]
    if kind == "segmentation" and any(each.mask is None for each in found):
        raise ValueError("an object has a box and no mask")
    return Objects(tuple(check_object(each, height, width) for each in found))


def _result(name: str, kind: str, value: Mapping[str, Any]) -> dict[str, Any]:
    return {"from_name": name, "to_name": IMAGE, "type": kind, "value": dict(value)}


def _region(found: Object, kind: Kind, name: str, height: int, width: int) -> dict[str, Any]:
    left, top, right, bottom = found.box
    if kind == "detection" or found.mask is None:
        place = {
            "x": left / width,
            "y": top / height,
            "width": (right - left) / width,
            "height": (bottom - top) / height,
        }
        percent = {side: 100 * share for side, share in place.items()}
        return _result("box", "rectanglelabels", {**percent, "rotation": 0, "rectanglelabels": [name]})
    if isinstance(found.mask, Polygons) and len(found.mask.rings) == 1:
        ring = found.mask.rings[0]
        corners = [[100 * x / width, 100 * y / height] for x, y in zip(ring[::2], ring[1::2], strict=True)]
        return _result("polygon", "polygonlabels", {"points": corners, "closed": True, "polygonlabels": [name]})
    rle = encode_brush(decode_region(found.mask, height, width))
    return _result("brush", "brushlabels", {"format": "rle", "rle": rle, "brushlabels": [name]})


def _class(named: Sequence[str], classes: Sequence[str]) -> int:
    if len(named) != 1:
        raise ValueError(f"one class is asked for, got {', '.join(named) or 'none'}")
    if named[0] not in classes:
        raise ValueError(f"there is no class {named[0]!r} in this run")
    return classes.index(named[0])


def _rectangle(value: object, classes: Sequence[str], height: int, width: int) -> Object:
    said = validated(RECTANGLE, value)
    left, top, across, down = (
        part * side / 100
        for part, side in zip((said.x, said.y, said.width, said.height), (width, height) * 2, strict=True)
    )
    turn = math.radians(said.rotation)  # clockwise, about the upper left corner
    corners = [
        number
        for x, y in ((0.0, 0.0), (across, 0.0), (across, down), (0.0, down))
        for number in (left + x * math.cos(turn) - y * math.sin(turn), top + x * math.sin(turn) + y * math.cos(turn))
    ]
    return Object(_inside(extent([corners]), height, width), _class(said.rectanglelabels, classes))


def _polygon(value: object, classes: Sequence[str], height: int, width: int) -> Object:
    said = validated(POLYGON, value)
    ring = tuple(
        min(max(part / 100, 0.0), 1.0) * side
        for corner in said.points
        for part, side in zip(corner, (width, height), strict=True)
    )
    if not ring:
        raise ValueError("a polygon has no corners")
    return Object(extent([ring]), _class(said.polygonlabels, classes), Polygons((ring,)))


def _brush(value: object, classes: Sequence[str], height: int, width: int) -> Object:
    said = validated(BRUSH, value)
    pixels = decode_brush(said.rle, height, width)
    return Object(box_of(pixels), _class(said.brushlabels, classes), encode_region(pixels))


def _inside(box: tuple[float, float, float, float], height: int, width: int) -> tuple[float, float, float, float]:
    left, top, right, bottom = box
    return max(left, 0.0), max(top, 0.0), min(right, float(width)), min(bottom, float(height))
