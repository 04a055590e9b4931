"""The XML files that "CVAT for images 1.1" imports."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

import numpy as np

from alframe.data.formats.annotations import Annotations
from alframe.data.formats.cvat import FLAGS, TEST
from alframe.functional.regions import box_of, decode_region
from alframe.types import UNLABELLED, Label, Object, Objects, Polygons

FILE = "annotations.xml"


class Labelled(NamedTuple):
    """An image and what is said of it: a class, objects, or nothing yet."""

    name: str
    size: tuple[int, int]
    label: Label | None
    held_out: bool = False


def write_cvat(annotations: Annotations, folder: Path) -> int:
    """Write ``annotations.xml`` beside ``images``, as "CVAT for images 1.1" imports it.

    A mask of several rings is written as pixels, because a polygon of CVAT's has one.

    Returns:
        How many objects CVAT has no word for, and which were left out: regions to be ignored that have no class.
    """
    images = [Labelled(image.path, image.size, objects, bool(image.held_out)) for image, objects in annotations.known]
    (folder / FILE).write_bytes(cvat_document(annotations.classes, images))
    return sum(each.label == UNLABELLED for _, objects in annotations.known for each in objects)


def cvat_document(classes: Sequence[str], images: Iterable[Labelled]) -> bytes:
    """An XML file of CVAT for images: classes as tags, objects as shapes; regions without a class are left out."""
    listed = list(images)
    objects = [each for image in listed if isinstance(image.label, Objects) for each in image.label]
    flags = [flag for flag in FLAGS if any(getattr(each, flag) for each in objects)]
    split = any(image.held_out for image in listed)
    root = ET.Element("annotations")
    ET.SubElement(root, "version").text = "1.1"
    task = ET.SubElement(ET.SubElement(root, "meta"), "task")
    ET.SubElement(task, "size").text = str(len(listed))
    ET.SubElement(task, "mode").text = "annotation"
    _add_classes(ET.SubElement(task, "labels"), classes, flags)
    for number, image in enumerate(listed):
        element = _add_image(root, number, image, classes)
        if split:
            element.set("subset", TEST if image.held_out else "train")
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _add_classes(labels: ET.Element, classes: Iterable[str], flags: Iterable[str]) -> None:
    for name in classes:
        label = ET.SubElement(labels, "label")
        ET.SubElement(label, "name").text = name
        attributes = ET.SubElement(label, "attributes")
        for flag in flags:
            attribute = ET.SubElement(attributes, "attribute")
            said = {"name": flag, "mutable": "False", "input_type": "checkbox", "default_value": "false"}
            for key, value in (said | {"values": "false"}).items():
                ET.SubElement(attribute, key).text = value


def _add_image(root: ET.Element, number: int, image: Labelled, classes: Sequence[str]) -> ET.Element:
    height, width = image.size
    element = ET.SubElement(root, "image", id=str(number), name=image.name, width=str(width), height=str(height))
    if isinstance(image.label, Objects):
        for each in image.label:
            if each.label != UNLABELLED:
                _add_shape(element, each, classes[each.label], height, width)
    elif image.label is not None:
        ET.SubElement(element, "tag", label=classes[image.label], source="manual")
    return element


def _add_shape(image: ET.Element, found: Object, name: str, height: int, width: int) -> None:
    kind, place = _place(found, height, width)
    source = "manual" if found.score is None else "auto"
    shape = ET.SubElement(image, kind, {"label": name, "source": source, "occluded": "0", **place, "z_order": "0"})
    for flag in FLAGS:
        if getattr(found, flag):
            ET.SubElement(shape, "attribute", name=flag).text = "true"


def _place(found: Object, height: int, width: int) -> tuple[str, dict[str, str]]:
    """The kind of shape, and the attributes that say where it is."""
    mask = found.mask
    if isinstance(mask, Polygons) and len(mask.rings) == 1:
        ring = mask.rings[0]
        return "polygon", {"points": ";".join(f"{x:.12g},{y:.12g}" for x, y in zip(ring[::2], ring[1::2], strict=True))}
    pixels = np.zeros((0, 0), dtype=np.bool_) if mask is None else decode_region(mask, height, width)
    if not pixels.any():  # a box, or rings that are too small for a pixel
        return "box", {edge: f"{at:.12g}" for edge, at in zip(("xtl", "ytl", "xbr", "ybr"), found.box, strict=True)}
    left, top, right, bottom = map(int, box_of(pixels))
    region = pixels[top:bottom, left:right].ravel()
    ends = np.flatnonzero(np.diff(region, prepend=False, append=~region[-1]))
    runs = ", ".join(map(str, np.diff(ends, prepend=0)))
    sides = {"left": left, "top": top, "width": right - left, "height": bottom - top}
    return "mask", {"rle": runs, **{side: str(value) for side, value in sides.items()}}
