"""Annotations of a few images, and the images, for the tests of formats."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from alframe.data.formats import AnnotatedImage, Annotations
from alframe.functional.regions import box_of, encode_region
from alframe.types import Object, Objects, Polygons

SIZE = (20, 30)
"""Height and width of every image."""

Draw = Callable[..., Annotations]
PATHS = ("a.png", "day 1/b.png", "day 1/c.2.png", "empty.png")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder for a data set."""
    path = tmp_path / "set"
    path.mkdir()
    return path


@pytest.fixture
def draw(folder: Path) -> Draw:
    """Write images to a folder of the data set, and give annotations of them with boxes, run lengths or polygons."""

    def make(images: str, kind: str = "boxes", *, ignored: bool = False) -> Annotations:
        for path in PATHS:
            (folder / images / path).parent.mkdir(parents=True, exist_ok=True)
            PIL.Image.new("L", SIZE[::-1], 99).save(folder / images / path)

        def found(number: int, **flags: bool) -> Object:
            if kind == "runs":
                pixels = np.zeros(SIZE, dtype=np.bool_)
                pixels[number : number + 8, 2:17] = True
                pixels[number + 2 : number + 4, 5:9] = False
                pixels[19, 28 - number : 30] = True
                return Object(box_of(pixels), number % 3, encode_region(pixels), **flags)
            box = (number + 0.25, 2.0, 20.5, 17.75 + number / 4)
            ring = (box[0], box[1], box[2], box[1], box[2], box[3], box[0], box[3] - 1)
            return Object(box, number % 3, Polygons((ring,)) if kind == "polygons" else None, **flags)

        contents: tuple[list[Object], ...] = (
            [found(0), found(1)],
            [found(2), *([found(3, crowd=True), found(4, difficult=True)] if ignored else [])],
            [found(5)],
            [],
        )
        return Annotations(
            folder / images,
            ("scratch", "deep pit", "stain"),
            tuple(
                AnnotatedImage(path, SIZE, Objects(tuple(objects)), held_out=path == "day 1/c.2.png")
                for path, objects in zip(PATHS, contents, strict=True)
            ),
        )

    return make
