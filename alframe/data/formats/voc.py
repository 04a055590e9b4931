"""Pascal VOC: an XML file of boxes for each image (Everingham et al. 2010, and its development kit).

Pixels count from 1 there and a box has its last ones inside: ``xmin`` to ``xmax`` are the edges ``xmin - 1`` and
``xmax`` here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

from alframe.data.files import check_classes, natural_key
from alframe.data.formats.annotations import AnnotatedImage, Annotations
from alframe.data.formats.reading import (
    CLASSES,
    ROUNDING,
    Reading,
    annotation_file,
    check_object,
    check_stems,
    finite,
    parse_xml,
    read_lines,
    write_lines,
    write_split,
)
from alframe.errors import DataError
from alframe.types import UNLABELLED, Object, Objects


class _Named(NamedTuple):
    """An object before it is known which classes there are."""

    place: str
    name: str
    object: Object


def read_voc(folder: Path, classes: Sequence[str] | None = None, test_names: Path | None = None) -> Annotations:
    """What ``folder/Annotations`` says of the images in ``folder/JPEGImages``.

    An image and its annotation have the same name but for the ending, as in the development kit; of an image without
    annotation nothing is known.

    Args:
        folder: of the data set.
        classes: their names; by default the lines of ``classes.txt``, or if there is none the names that occur.
        test_names: a file with the names of the held-out images, one a line, such as ``ImageSets/Main/test.txt``.

    Raises:
        DataError: no images, no classes, or a list that names none of the images.
    """
    reading = Reading(folder / "JPEGImages")
    named: dict[str, list[_Named]] = {}
    for path, file in reading.files_of_images(folder / "Annotations", ".xml"):
        if file is None:
            reading.images[path] = AnnotatedImage(path, reading.size(path, str(reading.root / path)), None)
        else:
            named[path] = _read_file(reading, path, file)
    names = _class_names(folder, named.values()) if classes is None else check_classes(classes)
    labels = {name: label for label, name in enumerate(names)}
    for path, found in named.items():
        reading.images[path] = replace(reading.images[path], objects=_labelled(reading, path, found, labels))
    reading.hold_out(test_names)
    return reading.annotations(names)


def _read_file(reading: Reading, path: str, file: Path) -> list[_Named]:
    """Add the image at ``path``, and give the objects that its annotation names."""
    root = ET.Element("annotation")
    said = None
    with reading.at(str(file), path):
        root = parse_xml(file.read_text(encoding="utf-8-sig"))
        said = _size(root)
    height, width = size = reading.size(path, str(file), said)
    reading.images[path] = AnnotatedImage(path, size, None)
    found = []
    for number, element in enumerate(root.findall("object"), start=1):
        place = f"{file}, object {number}"
        with reading.at(place, path):
            if any(size):
                found.append(_Named(place, _text(element, "name"), check_object(_object(element), height, width)))
    return found


def _size(root: ET.Element) -> tuple[int, int] | None:
    """Height and width; ``None`` where they are missing, or zeros, which tools write that do not know them."""
    if root.find("size") is None:
        return None
    size = int(_number(root, "size/height")), int(_number(root, "size/width"))
    return size if any(size) else None


def _object(element: ET.Element) -> Object:
    left, top, right, bottom = (_number(element, f"bndbox/{edge}") for edge in ("xmin", "ymin", "xmax", "ymax"))
    if min(left, top) < 1 - ROUNDING:
        hint = "; these look counted from 0" if min(left, top) >= 0 else ""
        raise ValueError(
            f"the box ({left:g}, {top:g}) to ({right:g}, {bottom:g}) begins outside the image: VOC counts pixels from "
            f"1{hint}"
        )
    difficult = element.find("difficult") is not None and _number(element, "difficult") != 0
    return Object((left - 1, top - 1, right, bottom), UNLABELLED, difficult=difficult)


def _number(element: ET.Element, tag: str) -> float:
    text = _text(element, tag)
    try:
        return finite(text)
    except ValueError as error:
        raise ValueError(f"{tag}: {error}") from error


def _text(element: ET.Element, tag: str) -> str:
    text = (element.findtext(tag) or "").strip()
    if not text:
        raise ValueError(f"there is no {tag}")
    return text


def _class_names(folder: Path, files: Iterable[Sequence[_Named]]) -> tuple[str, ...]:
    if (folder / CLASSES).is_file():
        return check_classes(read_lines(folder / CLASSES))
    names = {found.name for objects in files for found in objects}
    if not names:
        raise DataError(f"no objects in {folder / 'Annotations'}, so the classes are unknown; name them in classes")
    return tuple(sorted(names, key=natural_key))


def _labelled(reading: Reading, path: str, found: Iterable[_Named], labels: Mapping[str, int]) -> Objects:
    objects = []
    for each in found:
        with reading.at(each.place, path):
            if each.name not in labels:
                raise ValueError(f"there is no class {each.name!r}; the classes are {', '.join(labels)}")
            objects.append(replace(each.object, label=labels[each.name]))
    return Objects(tuple(objects))


def write_voc(annotations: Annotations, folder: Path) -> int:
    """Write ``Annotations``, ``classes.txt`` and, if images are held out, ``ImageSets/Main``, beside ``JPEGImages``.

    Masks are not written, and crowds become difficult objects: VOC has no other word for what is to be ignored.

    Returns:
        How many objects VOC has no word for, and which were left out: regions to be ignored that have no class.

    Raises:
        DataError: images that differ in their endings only.
    """
    check_stems(annotations)
    left_out = 0
    for image, objects in annotations.known:
        file = annotation_file(folder / "Annotations", image.path, ".xml")
        file.parent.mkdir(parents=True, exist_ok=True)
        named = [each for each in objects if each.label != UNLABELLED]
        left_out += len(objects) - len(named)
        tree = ET.ElementTree(_element(image, named, annotations.classes))
        ET.indent(tree)
        tree.write(file, encoding="utf-8")
    write_lines(folder / CLASSES, annotations.classes)
    write_split(annotations, folder / "ImageSets/Main")
    return left_out


def _element(image: AnnotatedImage, objects: Iterable[Object], classes: Sequence[str]) -> ET.Element:
    root = ET.Element("annotation")
    ET.SubElement(root, "filename").text = Path(image.path).name
    size = ET.SubElement(root, "size")
    for name, value in zip(("height", "width"), image.size, strict=True):
        ET.SubElement(size, name).text = str(value)
    for each in objects:
        element = ET.SubElement(root, "object")
        ET.SubElement(element, "name").text = classes[each.label]
        ET.SubElement(element, "difficult").text = str(int(each.ignored))
        box = ET.SubElement(element, "bndbox")
        first = each.box[0] + 1, each.box[1] + 1
        for edge, place in zip(("xmin", "ymin", "xmax", "ymax"), (*first, *each.box[2:]), strict=True):
            ET.SubElement(box, edge).text = f"{place:.12g}"
    return root
