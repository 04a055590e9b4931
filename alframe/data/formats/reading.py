"""What all readers do: gather images and problems, read small files, and hold objects against their image."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TypeVar
from xml.etree import ElementTree as ET

from pydantic import TypeAdapter, ValidationError

from alframe.data.files import check_classes, image_names
from alframe.data.formats.annotations import AnnotatedImage, Annotations, Problem
from alframe.data.images import image_size
from alframe.errors import DataError, UnreadableImage
from alframe.functional.regions import decode_runs
from alframe.types import Mask, Object, Rle

CLASSES = "classes.txt"
"""A file with the name of a class on each line, which tools put beside annotations."""

ROUNDING = 0.5
"""An edge may lie so many pixels outside its image: files are written with few decimals."""

Value = TypeVar("Value")


@dataclass
class Reading:
    """What has been read so far below ``root``."""

    root: Path
    images: dict[str, AnnotatedImage] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @contextmanager
    def at(self, place: str, image: str | None = None) -> Iterator[None]:
        """Note what goes wrong in the block as a problem of ``image``, at this place."""
        try:
            yield
        except (ValueError, OSError, UnreadableImage) as error:
            self.problems.append(Problem(place, str(error), image))

    def size(self, path: str, place: str, said: tuple[int, int] | None = None) -> tuple[int, int]:
        """Height and width of the image at ``path``; zeros if it cannot be opened, which is a problem.

        So is another size than what its annotation ``said``.
        """
        size = (0, 0)
        with self.at(place, path):
            try:
                size = image_size(self.root / path)
            except UnreadableImage as error:
                raise ValueError(f"the image {path} cannot be used: {error}") from error
            if said is not None and said != size:
                raise ValueError(
                    f"the image {path} has {size[1]} x {size[0]} pixels, its annotation says {said[1]} x {said[0]}"
                )
        return size

    def files_of_images(self, folder: Path, suffix: str) -> list[tuple[str, Path | None]]:
        """The path of each image below the root, with the file of the same name but for its ending below ``folder``.

        A file that belongs to no image is a problem, and so is one that could belong to two.

        Raises:
            DataError: there are no images.
        """
        images: dict[Path, str] = {}
        for path in image_names(self.root):
            file = annotation_file(folder, path, suffix)
            first = images.setdefault(file, path)
            if first != path:
                self.problems.append(Problem(str(file), f"it could be of {first} and of {path}", first))
        if not images:
            raise DataError(f"no images below {self.root}; set root to the folder of the data set")
        files = set(folder.rglob(f"*{suffix}"))
        self.problems += [
            Problem(str(file), f"there is no image of this name below {self.root}")
            for file in sorted(files - set(images))
        ]
        return [(path, file if file in files else None) for file, path in images.items()]

    def hold_out(self, names: Path | None) -> None:
        """Hold the images out that a file names, one a line, with or without their endings; nothing if ``None``.

        Raises:
            DataError: there is no such file, or it names none of the images.
        """
        if names is None:
            return
        tested = set(read_lines(names))
        for path, image in self.images.items():
            self.images[path] = replace(image, held_out=path in tested or _stem(path) in tested)
        if not any(image.held_out for image in self.images.values()):
            raise DataError(f"{names} names none of the images below {self.root}")

    def annotations(self, classes: Sequence[str]) -> Annotations:
        """All of it; of images with a problem the objects are forgotten."""
        bad = {problem.image for problem in self.problems}
        images = (replace(image, objects=None) if path in bad else image for path, image in self.images.items())
        return Annotations(self.root, check_classes(classes), tuple(images), tuple(self.problems))


def check_object(found: Object, height: int, width: int) -> Object:
    """The object, its box not beyond the edges of its image.

    Raises:
        ValueError: a box or mask that is not a number, outside the image or without area; run lengths of another size.
    """
    box, ends = found.box, (float(width), float(height)) * 2
    if not all(map(math.isfinite, box)):
        raise ValueError(f"the box {_corners(box)} has numbers that are none")
    left, top, right, bottom = (min(max(edge, 0.0), end) for edge, end in zip(box, ends, strict=True))
    inside = (left, top, right, bottom)
    if max(abs(edge - kept) for edge, kept in zip(box, inside, strict=True)) > ROUNDING:
        raise ValueError(f"the box {_corners(box)} is outside the image of {width} x {height} pixels")
    if left >= right or top >= bottom:
        raise ValueError(f"the box {_corners(box)} has no area")
    if found.mask is not None:
        _check_mask(found.mask, height, width)
    return replace(found, box=inside)


def extent(rings: Sequence[Sequence[float]]) -> tuple[float, float, float, float]:
    """The smallest box around polygons.

    >>> extent([(1, 2, 5, 2, 5, 4)])
    (1.0, 2.0, 5.0, 4.0)
    """
    xs, ys = [x for ring in rings for x in ring[::2]], [y for ring in rings for y in ring[1::2]]
    return float(min(xs)), float(min(ys)), float(max(xs)), float(max(ys))


def _corners(box: Iterable[float]) -> str:
    return "({:g}, {:g}) to ({:g}, {:g})".format(*box)


def _check_mask(mask: Mask, height: int, width: int) -> None:
    if isinstance(mask, Rle):
        if not decode_runs(mask, height, width)[1::2].any():
            raise ValueError("the mask has no pixels")
        return
    for ring in mask.rings:
        if len(ring) < 6 or len(ring) % 2 or not all(map(math.isfinite, ring)):
            raise ValueError(
                f"a polygon needs two numbers for each of 3 corners or more, all finite; got {len(ring)} numbers"
            )
        left, top, right, bottom = extent([ring])
        if min(left, top) < -ROUNDING or right > width + ROUNDING or bottom > height + ROUNDING:
            raise ValueError(
                f"the polygon {_corners((left, top, right, bottom))} is outside the image of {width} x {height} pixels"
            )
        if left == right or top == bottom:
            raise ValueError(f"the polygon {_corners((left, top, right, bottom))} has no area")


def validated(kind: TypeAdapter[Value], value: object) -> Value:
    """``value`` as what it should be.

    Raises:
        ValueError: it is something else, with the reason in one line.
    """
    try:
        return kind.validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ValueError(f"{place}: {first['msg']}" if place else first["msg"]) from error


def finite(text: str) -> float:
    """The number that a text is.

    Raises:
        ValueError: it is none, or infinite.
    """
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{text!r} is no number")
    return number


def read_text(path: Path) -> str:
    """The text of a file in UTF-8.

    Raises:
        DataError: there is none.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {path}: {error}") from error


def parse_xml(text: str) -> ET.Element:
    """The root of an XML file.

    Entities can make gigabytes of a kilobyte, or bring in other files, and a DOCTYPE is where they are declared. No
    annotation has one, so that it is refused unparsed; in decoded text, where no other encoding can hide it.

    Raises:
        ValueError: it has a DOCTYPE, or is no XML.
    """
    if "<!DOCTYPE" in text:
        raise ValueError("it has a DOCTYPE, which no annotation needs; remove it")
    try:
        return ET.fromstring(text)  # noqa: S314 (without a DOCTYPE there are no entities)
    except ET.ParseError as error:
        raise ValueError(f"no XML: {error}") from error


def read_lines(path: Path) -> list[str]:
    """The lines of a text file that are not blank."""
    return [line.strip() for line in read_text(path).splitlines() if line.strip()]


def annotation_file(folder: Path, image: str, suffix: str) -> Path:
    """The file below ``folder`` that an image has for itself.

    >>> annotation_file(Path("labels"), "day.1/a.b.png", ".txt").as_posix()
    'labels/day.1/a.b.txt'
    """
    return folder / f"{_stem(image)}{suffix}"


def check_stems(annotations: Annotations) -> None:
    """Each image needs a file of its own.

    Raises:
        DataError: two images differ in their endings only.
    """
    first: dict[str, str] = {}
    for image in annotations.images:
        if first.setdefault(_stem(image.path), image.path) != image.path:
            raise DataError(
                f"{first[_stem(image.path)]} and {image.path} would have the same annotation file; rename one, or "
                "choose COCO"
            )


def write_split(annotations: Annotations, folder: Path) -> None:
    """Write ``train.txt`` and ``test.txt``, the names of images without their endings, if some are held out."""
    if any(image.held_out for image, _ in annotations.known):
        folder.mkdir(parents=True, exist_ok=True)
        for name, held_out in (("train", False), ("test", True)):
            names = [_stem(image.path) for image, _ in annotations.known if bool(image.held_out) is held_out]
            write_lines(folder / f"{name}.txt", names)


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write a text file."""
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _stem(path: str) -> str:
    return PurePosixPath(path).with_suffix("").as_posix()
