"""COCO: one JSON file of images, annotations and categories (Lin et al. 2014; cocodataset.org, "Data format").

Read and written beyond the standard are ``ignore`` of an annotation, for difficult objects, as mmdetection has it, and
``group`` of an image.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, FiniteFloat, TypeAdapter

from alframe.data.files import inside_root, natural_key
from alframe.data.formats.annotations import AnnotatedImage, Annotations, Problem
from alframe.data.formats.reading import Reading, check_object, read_text, validated
from alframe.errors import DataError
from alframe.functional.regions import encode_runs, region_area
from alframe.types import UNLABELLED, Mask, Object, Objects, Polygons, Rle


def _refuse_truth(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError(f"an id is a number or a text, got {value}")  # noqa: TRY004 (what pydantic reports)
    return value


Id: TypeAlias = Annotated[int | str, BeforeValidator(_refuse_truth)]
"""A number may be written as 1.0; true and false are none."""


@dataclass(frozen=True)
class _Category:
    id: Id
    name: str


@dataclass(frozen=True)
class _File:
    images: list[Any]
    categories: list[_Category]
    annotations: list[Any]


@dataclass(frozen=True)
class _Image:
    id: Id
    file_name: str
    height: int | None = None
    width: int | None = None
    group: str = ""

    @property
    def size(self) -> tuple[int, int] | None:
        return None if self.height is None or self.width is None else (self.height, self.width)


@dataclass(frozen=True)
class _Annotation:
    id: Id
    image_id: Id
    category_id: Id
    bbox: tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat]
    segmentation: Any = None
    iscrowd: bool = False
    ignore: bool = False


@dataclass(frozen=True)
class _Runs:
    size: tuple[int, int]
    counts: str | list[int]


ID: TypeAdapter[Id] = TypeAdapter(Id)
FILE = TypeAdapter(_File)
IMAGE = TypeAdapter(_Image)
ANNOTATION = TypeAdapter(_Annotation)
RUNS = TypeAdapter(_Runs)
RINGS = TypeAdapter(tuple[tuple[FiniteFloat, ...], ...])


def read_coco(path: Path, root: Path, test: Path | None = None) -> Annotations:
    """What a COCO file says of the images below ``root``; classes are its categories in the order of their ids.

    Args:
        path: the JSON file.
        root: the folder that file names start from.
        test: another such file, of the images that are held out.

    Raises:
        DataError: a file that is not JSON or not COCO's, categories that share an id or a name, or that differ from
            file to file.
    """
    reading = Reading(root)
    whole = _load(path)
    classes = [category.name for category in whole.categories]
    _read_file(reading, path, whole, None if test is None else False)
    if test is not None:
        tested = _load(test)
        if [category.name for category in tested.categories] != classes:
            raise DataError(f"{test} has other categories than {path}; give both the same")
        _read_file(reading, test, tested, True)
    return reading.annotations(classes)


def _load(path: Path) -> _File:
    try:
        whole = validated(FILE, json.loads(read_text(path)))
    except json.JSONDecodeError as error:
        raise DataError(f"{path}, line {error.lineno}: no JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is no COCO file of images, categories and annotations: {error}") from error
    for kind in ("id", "name"):
        values = [getattr(category, kind) for category in whole.categories]
        if len(set(values)) < len(values) or not values:
            raise DataError(f"{path}: each category needs an id and a name of its own, got the {kind}s {values}")
    return replace(whole, categories=sorted(whole.categories, key=lambda each: natural_key(str(each.id))))


def _read_file(reading: Reading, path: Path, whole: _File, held_out: bool | None) -> None:
    ids: dict[Id, AnnotatedImage] = {}
    for number, entry in enumerate(whole.images):
        place = _place(path, "image", entry, number)
        with reading.at(place):
            image = validated(IMAGE, entry)
            name = inside_root(image.file_name)
            size = reading.size(name, place, image.size)
            if name in reading.images:
                reading.problems.append(Problem(place, f"the image {name} is listed already", name))
                continue
            added = AnnotatedImage(name, size, None, image.group, held_out)
            first = ids.setdefault(image.id, added).path
            if first != name:  # whose annotations are whose, nobody can say
                reading.problems += [Problem(place, f"{first} has this id too", each) for each in (first, name)]
            reading.images[name] = added
    for name, objects in _read_objects(reading, path, whole, ids).items():
        reading.images[name] = replace(reading.images[name], objects=Objects(tuple(objects)))


def _read_objects(
    reading: Reading, path: Path, whole: _File, images: dict[Id, AnnotatedImage]
) -> dict[str, list[Object]]:
    labels = {category.id: label for label, category in enumerate(whole.categories)}
    objects: dict[str, list[Object]] = {image.path: [] for image in images.values()}
    seen: set[Id] = set()
    for number, entry in enumerate(whole.annotations):
        place = _place(path, "annotation", entry, number)
        image = _image_of(entry, images)
        with reading.at(place, None if image is None else image.path):
            found = validated(ANNOTATION, entry)
            if image is None:
                raise ValueError(f"there is no image {found.image_id}")
            if found.id in seen:
                raise ValueError("another annotation has this id")
            seen.add(found.id)
            if found.category_id not in labels:
                raise ValueError(f"there is no category {found.category_id}")
            if any(image.size):
                objects[image.path].append(_object(found, labels[found.category_id], *image.size))
    return objects


def _image_of(entry: object, images: dict[Id, AnnotatedImage]) -> AnnotatedImage | None:
    """The one that an annotation names, whatever else is wrong with it."""
    try:
        return images.get(validated(ID, entry.get("image_id") if isinstance(entry, dict) else None))
    except ValueError:
        return None


def _place(path: Path, kind: str, entry: object, number: int) -> str:
    known = entry.get("id") if isinstance(entry, dict) else None
    return f"{path}, {kind} {known}" if isinstance(known, int | str) else f"{path}, {kind} number {number + 1}"


def _object(found: _Annotation, label: int, height: int, width: int) -> Object:
    left, top, across, down = found.bbox
    mask = _mask(found.segmentation, height, width)
    box = (left, top, left + across, top + down)
    return check_object(Object(box, label, mask, found.iscrowd, found.ignore), height, width)


def _mask(segmentation: object, height: int, width: int) -> Mask | None:
    if not segmentation:
        return None
    if isinstance(segmentation, list):
        return Polygons(validated(RINGS, segmentation))
    runs = validated(RUNS, segmentation)
    if runs.size != (height, width):
        raise ValueError(f"the mask is one of {runs.size[1]} x {runs.size[0]} pixels, the image has {width} x {height}")
    return Rle(runs.size, runs.counts) if isinstance(runs.counts, str) else encode_runs(runs.counts, height, width)


def write_coco(annotations: Annotations, folder: Path) -> int:
    """Write ``annotations/train.json``, and ``annotations/test.json`` if images are held out; file names are paths.

    Ids count from 1. A region to be ignored that has no class becomes a crowd of every class, which says the same.
    Images of which nobody has said what is in them are left out: a COCO file says it of all its images.

    Returns:
        How many objects COCO has no word for: 0.
    """
    place = folder / "annotations"
    place.mkdir(parents=True, exist_ok=True)
    for name, held_out in (("train", False), ("test", True)):
        images = [found for found in annotations.known if bool(found[0].held_out) is held_out]
        if images or not held_out:
            (place / f"{name}.json").write_text(json.dumps(_contents(images, annotations.classes)), encoding="utf-8")
    return 0


def _contents(images: Sequence[tuple[AnnotatedImage, Objects]], classes: Sequence[str]) -> dict[str, Any]:
    entries: list[dict[str, Any]] = []
    listed = []
    for image_id, (image, objects) in enumerate(images, start=1):
        height, width = image.size
        group = {"group": image.group} if image.group else {}
        listed.append({"id": image_id, "file_name": image.path, "height": height, "width": width} | group)
        for each in objects:
            for label in range(len(classes)) if each.label == UNLABELLED else (each.label,):
                entry = {"id": len(entries) + 1, "image_id": image_id, "category_id": label + 1}
                entries.append(entry | _entry(each, height, width))
    categories = [{"id": label, "name": name} for label, name in enumerate(classes, start=1)]
    return {"images": listed, "annotations": entries, "categories": categories}


def _entry(found: Object, height: int, width: int) -> dict[str, Any]:
    left, top, right, bottom = found.box
    box = [left, top, right - left, bottom - top]
    entry = {"bbox": box, "area": box[2] * box[3], "iscrowd": int(found.crowd or found.label == UNLABELLED)}
    if found.mask is not None:
        entry["area"] = region_area(found.mask, height, width)
        entry["segmentation"] = (
            {"size": list(found.mask.size), "counts": found.mask.counts}
            if isinstance(found.mask, Rle)
            else [list(ring) for ring in found.mask.rings]
        )
    return entry | ({"ignore": 1} if found.difficult else {})
