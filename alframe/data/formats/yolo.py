"""YOLO: a text file of boxes or outlines for each image, in shares of its width and height (docs.ultralytics.com).

The file of ``images/a.png`` is ``labels/a.txt``; an image without one has no objects. A line is a class and four
numbers (centre, width, height), or a class and the corners of a polygon.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

import yaml
from pydantic import TypeAdapter

from alframe.data.files import image_names, inside_root
from alframe.data.formats.annotations import AnnotatedImage, Annotations, Problem
from alframe.data.formats.reading import (
    CLASSES,
    Reading,
    annotation_file,
    check_object,
    check_stems,
    extent,
    finite,
    read_lines,
    read_text,
    validated,
    write_lines,
)
from alframe.errors import DataError
from alframe.functional.regions import decode_region, join_rings, outline
from alframe.types import Mask, Object, Objects, Polygons


@dataclass(frozen=True)
class _Data:
    """What a ``data.yaml`` says that matters here."""

    names: list[str | int] | dict[int, str | int]
    train: str | list[str]
    val: str | list[str] | None = None
    test: str | list[str] | None = None


DATA = TypeAdapter(_Data)


def read_yolo(folder: Path, names: Path | None = None, test: Literal["val", "test"] = "val") -> Annotations:
    """What the label files below ``folder`` say of its images.

    Args:
        folder: of the data set; paths start from it, whatever ``data.yaml`` says.
        names: a ``data.yaml``, or a text file with the name of a class on each line; by default ``data.yaml`` or
            ``classes.txt`` in the folder. Without a ``data.yaml`` the images are in ``images``.
        test: the part of ``data.yaml`` that is held out; ``train`` is not, and a third part is not read. Parts that are
            the same are no split.

    Raises:
        DataError: no such file, one that does not name classes and images, or no images.
    """
    file = names or (folder / "data.yaml" if (folder / "data.yaml").is_file() else folder / CLASSES)
    data, classes = _read_data(file)
    tested = data.val if test == "val" else data.test
    reading = Reading(folder)
    listed = [(found, None if tested in (None, data.train) else False) for found in _listed(reading, file, data.train)]
    if tested is not None and tested != data.train:
        listed += [(found, True) for found in _listed(reading, file, tested)]
    if not listed:
        raise DataError(f"{file} lists no images below {folder}; set root to the folder that its paths start from")
    _note_strays(reading, [path for (path, _), _ in listed])
    # Where all of them lie in one folder of images, it is no part of their names.
    shared = "images/" if all(path.startswith("images/") for (path, _), _ in listed) else ""
    reading.root = folder / shared
    for (path, place), held_out in listed:
        name = path.removeprefix(shared)
        if name in reading.images:
            reading.problems.append(Problem(place, f"the image {path} is listed already", name))
            continue
        file = _label_file(folder, path)
        size = reading.size(name, str(file))
        objects = Objects(tuple(_read_objects(reading, name, file, size, classes)))
        reading.images[name] = AnnotatedImage(name, size, objects, held_out=held_out)
    return reading.annotations(classes)


def _read_data(file: Path) -> tuple[_Data, list[str]]:
    """What it says, and the class names in order."""
    if file.suffix not in {".yaml", ".yml"}:
        names = read_lines(file)
        return _Data(list(names), "images"), names
    try:
        data = validated(DATA, yaml.safe_load(read_text(file)))
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise DataError(f"{file} does not say where images are and what their classes are called: {error}") from error
    if isinstance(data.names, list):
        return data, list(map(str, data.names))
    if sorted(data.names) != list(range(len(data.names))):
        raise DataError(f"{file}: names must count from 0 without a gap, got {sorted(data.names)}")
    return data, [str(data.names[label]) for label in range(len(data.names))]


def _listed(reading: Reading, file: Path, part: str | Sequence[str]) -> Iterator[tuple[str, str]]:
    """The paths below the folder of the images of a part, which names folders and lists, and where each is listed."""
    for entry in [part] if isinstance(part, str) else part:
        # As Ultralytics does: exports of Roboflow say ../train/images and mean train/images.
        name = entry.removeprefix("../")
        try:
            below = reading.root / inside_root(name)
        except ValueError as error:
            raise DataError(f"{file}: {error}") from error
        if below.is_dir():
            yield from ((inside_root(f"{name}/{image}"), str(file)) for image in image_names(below))
        elif below.suffix == ".txt":
            yield from _lines(reading, below, PurePosixPath(name).parent)
        else:
            raise DataError(f"{file} names {entry!r}, which is neither a folder nor a list (.txt) below {reading.root}")


def _lines(reading: Reading, file: Path, start: PurePosixPath) -> list[tuple[str, str]]:
    found = []
    for number, line in enumerate(read_text(file).splitlines(), start=1):
        place, path = f"{file}, line {number}", line.strip()
        with reading.at(place):
            if path:  # one that begins with ./ starts from the list, others from the folder
                found.append((inside_root(f"{start}/{path}" if path.startswith("./") else path), place))
    return found


def _label_file(folder: Path, path: str) -> Path:
    """The last folder that is called ``images`` is ``labels`` there; if there is none, labels lie beside images."""
    before, images, after = f"/{path}".rpartition("/images/")
    return annotation_file(folder, f"{before}/labels/{after}".lstrip("/") if images else path, ".txt")


def _note_strays(reading: Reading, paths: Iterable[str]) -> None:
    """Label files of no image are a problem; only those are looked at that lie where the listed images have theirs."""
    listed = {_label_file(reading.root, path) for path in paths}
    wanted = listed | {_label_file(reading.root, path) for path in image_names(reading.root)}
    for place in sorted({file.parent for file in listed} - {reading.root}):
        for file in sorted(set(place.glob("*.txt")) - wanted - {place / CLASSES}):
            reading.problems.append(Problem(str(file), "there is no image of this name"))


def _read_objects(
    reading: Reading, name: str, file: Path, size: tuple[int, int], classes: Sequence[str]
) -> Iterator[Object]:
    lines: list[str] = []
    with reading.at(str(file), name):
        if any(size) and file.is_file():
            lines = file.read_text(encoding="utf-8-sig").splitlines()
    for number, line in enumerate(lines, start=1):
        with reading.at(f"{file}, line {number}", name):
            if line.strip():
                yield check_object(_object(line.split(), *size, classes), *size)


def _object(words: Sequence[str], height: int, width: int, classes: Sequence[str]) -> Object:
    if not words[0].isdecimal() or int(words[0]) >= len(classes):
        raise ValueError(f"there is no class {words[0]!r}; the classes are 0 to {len(classes) - 1}")
    shares = [finite(word) for word in words[1:]]
    label, scale = int(words[0]), (width, height)
    if len(shares) == 4:
        x, y, across, down = (share * scale[place % 2] for place, share in enumerate(shares))
        return Object((x - across / 2, y - down / 2, x + across / 2, y + down / 2), label)
    if len(shares) < 6 or len(shares) % 2:
        raise ValueError(f"a class needs 4 numbers after it, or 2 for each of 3 corners or more; got {len(shares)}")
    ring = tuple(share * scale[place % 2] for place, share in enumerate(shares))
    return Object(extent([ring]), label, Polygons((ring,)))


def write_yolo(annotations: Annotations, folder: Path) -> int:
    """Write ``labels``, ``data.yaml`` and the lists that it names, beside ``images``.

    Lines are outlines where all objects have a mask, and boxes otherwise. One line has one outline: parts and holes of
    a region are joined by lines of no width, which cover no pixel.

    Returns:
        How many objects YOLO has no word for, and which were left out: those to be ignored.

    Raises:
        DataError: images that differ in their endings only.
    """
    check_stems(annotations)
    every = [each for _, objects in annotations.known for each in objects if not each.ignored]
    outlines = all(each.mask is not None for each in every)
    for image, objects in annotations.known:
        file = _label_file(folder, f"images/{image.path}")
        file.parent.mkdir(parents=True, exist_ok=True)
        write_lines(file, (_line(each, *image.size, outlines) for each in objects if not each.ignored))
    train, tested = (
        [image for image, _ in annotations.known if bool(image.held_out) is part] for part in (False, True)
    )
    for name, images in (("train", train), ("val", tested)):
        if images or name == "train":
            write_lines(folder / f"{name}.txt", (f"./images/{image.path}" for image in images))
    data = {
        "train": "train.txt",
        "val": "val.txt" if tested else "train.txt",
        "names": dict(enumerate(annotations.classes)),
    }
    (folder / "data.yaml").write_text(yaml.safe_dump(data, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return sum(len(objects) for _, objects in annotations.known) - len(every)


def _line(found: Object, height: int, width: int, outlines: bool) -> str:
    left, top, right, bottom = found.box
    numbers: Sequence[float] = ((left + right) / 2, (top + bottom) / 2, right - left, bottom - top)
    if outlines and found.mask is not None:
        numbers = _ring(found.mask, height, width)
    shares = (number / (width, height)[place % 2] for place, number in enumerate(numbers))
    return " ".join([str(found.label), *(f"{share:.12g}" for share in shares)])


def _ring(mask: Mask, height: int, width: int) -> Sequence[float]:
    rings = mask.rings if isinstance(mask, Polygons) else ()
    if len(rings) != 1:  # of those that overlap the union is meant, and one outline would make a hole of the overlap
        rings = outline(decode_region(mask, height, width)).rings or rings
    return join_rings(rings)
