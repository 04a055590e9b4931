"""Plain mask images: a PNG for each image whose pixel values are classes, the regions of one class one object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import yaml
from numpy.typing import NDArray
from pydantic import TypeAdapter

from alframe.data.formats.annotations import AnnotatedImage, Annotations
from alframe.data.formats.reading import Reading, annotation_file, check_stems, read_text, validated, write_split
from alframe.data.images import opened_image
from alframe.errors import ConfigurationError, DataError
from alframe.functional.regions import IGNORED, box_of, class_map, encode_region
from alframe.types import UNLABELLED, Object, Objects

VALUES = "values.yaml"
SHOWN = 10
CLASS_MODES = frozenset({"1", "L", "P", "I", "I;16", "I;16B"})
"""Pillow's names for pixels of one number."""


@dataclass(frozen=True)
class PixelValues:
    """What the pixels of masks mean.

    Attributes:
        values: the class of each value; several values may be one class, and classes are in the order of their values.
        background: values of no class.
        ignored: values of what is to be passed over.
    """

    values: Mapping[int, str]
    background: Sequence[int] = field(default=(0,))
    ignored: Sequence[int] = field(default=(IGNORED,))

    @property
    def classes(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(dict.fromkeys(self.values[value] for value in sorted(self.values)))


def read_masks(folder: Path, values: PixelValues | None = None, test_names: Path | None = None) -> Annotations:
    """What ``folder/masks`` says of the images in ``folder/images``.

    An image and its mask have the same name but for the ending; of an image without mask nothing is known. An image has
    an object for each class in it; what is to be ignored is one without a class.

    Args:
        folder: of the data set.
        values: what pixels mean; by default what ``values.yaml`` says.
        test_names: a file with the names of the held-out images, one a line.

    Raises:
        ConfigurationError: a value with two meanings, or no classes.
        DataError: no images, no such ``values.yaml``, or a list that names none of the images.
    """
    meant = _read_values(folder / VALUES) if values is None else values
    meanings = [*meant.values, *meant.background, *meant.ignored]
    if not meant.values or len(set(meanings)) < len(meanings):
        raise ConfigurationError(f"masks: each pixel value needs one meaning, and one of them a class; got {meant}")
    reading = Reading(folder / "images")
    for path, file in reading.files_of_images(folder / "masks", ".png"):
        size = reading.size(path, str(file or reading.root / path))
        objects = None
        if file is not None and any(size):
            with reading.at(str(file), path):
                objects = _objects(_pixels(file, size), meant)
        reading.images[path] = AnnotatedImage(path, size, objects)
    reading.hold_out(test_names)
    return reading.annotations(meant.classes)


def _read_values(path: Path) -> PixelValues:
    try:
        return validated(TypeAdapter(PixelValues), yaml.safe_load(read_text(path)))
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise DataError(f"{path} does not say which pixel values are which class: {error}") from error


def _pixels(file: Path, size: tuple[int, int]) -> NDArray[Any]:
    with opened_image(file) as opened:
        width, height = opened.size
        if (height, width) != size:
            raise ValueError(f"the mask has {width} x {height} pixels, its image {size[1]} x {size[0]}")
        if opened.mode not in CLASS_MODES:
            raise ValueError(f"the mask has colours (mode {opened.mode}); a pixel of a mask is one number, its class")
        return np.asarray(opened)


def _objects(pixels: NDArray[Any], meant: PixelValues) -> Objects:
    found = np.unique(pixels).tolist()
    strangers = sorted(set(found) - {*meant.values, *meant.background, *meant.ignored})
    if strangers:
        more = f" and {len(strangers) - SHOWN} more" if len(strangers) > SHOWN else ""
        raise ValueError(
            f"the mask has the values {strangers[:SHOWN]}{more}, which are no class, background or ignored"
        )
    occurring = [
        (label, [value for value in found if meant.values.get(value) == name])
        for label, name in enumerate(meant.classes)
    ]
    occurring.append((UNLABELLED, [value for value in found if value in meant.ignored]))
    return Objects(tuple(_object(np.isin(pixels, values), label) for label, values in occurring if values))


def _object(region: NDArray[np.bool_], label: int) -> Object:
    return Object(box_of(region), label, encode_region(region), crowd=label == UNLABELLED)


def write_masks(annotations: Annotations, folder: Path) -> int:
    """Write ``masks``, ``values.yaml`` and, if images are held out, ``train.txt`` and ``test.txt``, beside ``images``.

    Objects of one class become one region, and of objects that overlap the later one lies on top.

    Returns:
        How many objects masks have no word for: 0.

    Raises:
        DataError: an object without a mask, too many classes for pixels of 8 bits, or images that differ in their
            endings only.
    """
    check_stems(annotations)
    if len(annotations.classes) >= IGNORED:
        raise DataError(f"masks of 8 bits have room for {IGNORED - 1} classes, there are {len(annotations.classes)}")
    for image, objects in annotations.known:
        if any(each.mask is None for each in objects):
            raise DataError(f"{image.path} has objects without a mask, which mask images cannot show; choose COCO")
        file = annotation_file(folder / "masks", image.path, ".png")
        file.parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.fromarray(class_map(objects, *image.size)).save(file)
    values = dict(enumerate(annotations.classes, start=1))
    meant = {"values": values, "background": [0], "ignored": [IGNORED]}
    (folder / VALUES).write_text(yaml.safe_dump(meant, sort_keys=False, allow_unicode=True), encoding="utf-8")
    write_split(annotations, folder)
    return 0
