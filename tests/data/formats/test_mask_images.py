"""Mask images of every kind that holds classes, and those that do not."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from alframe.data.formats import AnnotatedImage, Annotations, PixelValues, read_masks, write_masks
from alframe.errors import ConfigurationError, DataError
from alframe.functional.regions import class_map
from alframe.types import UNLABELLED, Object, Objects

SaveImage = Callable[..., Path]
VALUES = PixelValues({3: "pit", 7: "scratch", 9: "pit"})


@pytest.fixture
def write(tmp_path: Path, save_image: SaveImage) -> Callable[..., Path]:
    """Write the mask of an image, and the image, and return the folder of the data set."""

    def write_one(pixels: Any, mode: str | None = None) -> Path:
        save_image("images/a.jpg", size=(3, 2))
        (tmp_path / "masks").mkdir()
        mask = PIL.Image.fromarray(np.array(pixels, dtype=np.uint8)) if mode is None else pixels
        mask.save(tmp_path / "masks/a.png")
        return tmp_path

    return write_one


def test_values_are_classes(write: Callable[..., Path]) -> None:
    """Several values may be one class; classes are in the order of their values; one object for each."""
    found = read_masks(write([[3, 0, 7], [9, 255, 7]]), VALUES)
    assert found.problems == ()
    assert found.classes == ("pit", "scratch")
    objects = found.images[0].objects or Objects()
    assert [(each.label, each.box, each.crowd) for each in objects] == [
        (0, (0, 0, 1, 2), False),
        (1, (2, 0, 3, 2), False),
        (UNLABELLED, (1, 1, 2, 2), True),
    ]
    assert class_map(objects, 2, 3).tolist() == [[1, 0, 2], [1, 255, 2]]


@pytest.mark.parametrize("mode", ["P", "1", "I;16"])
def test_palettes_bits_and_16_bits_are_classes_too(write: Callable[..., Path], mode: str) -> None:
    """Of a palette the index counts, not the colour."""
    if mode == "P":
        mask = PIL.Image.fromarray(np.array([[1, 0, 0], [1, 0, 0]], dtype=np.uint8)).convert("P")
        mask.putpalette([9, 9, 9, 200, 0, 0] + [0] * 762)
    elif mode == "1":
        mask = PIL.Image.fromarray(np.array([[True, False, False]] * 2))
    else:
        mask = PIL.Image.fromarray(np.array([[1000, 0, 0]] * 2, dtype=np.uint16))
    found = read_masks(write(mask, mode), PixelValues({1000 if mode == "I;16" else 1: "pit"}))
    assert found.problems == ()
    assert [each.box for each in found.images[0].objects or ()] == [(0, 0, 1, 2)]


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        ([[3, 4, 5], [0, 0, 0]], r"the values \[4, 5\], which are no class, background or ignored"),
        ([[3, 0], [0, 0]], "the mask has 2 x 2 pixels, its image 3 x 2"),
        (np.zeros((2, 3, 3)), r"the mask has colours \(mode RGB\)"),
    ],
)
def test_a_bad_mask_is_named(write: Callable[..., Path], pixels: Any, message: str) -> None:
    """By its file; the image has no objects then."""
    found = read_masks(write(pixels), VALUES)
    (problem,) = found.problems
    assert problem.place.endswith("masks/a.png")
    assert problem.image == "a.jpg"
    with pytest.raises(ValueError, match=message):
        raise ValueError(problem.message)
    assert found.images[0].objects is None


def test_a_picture_is_no_mask_and_the_message_is_short(tmp_path: Path, save_image: SaveImage) -> None:
    """Ten of its values, and how many more there are."""
    save_image("images/a.jpg", size=(100, 90))
    (tmp_path / "masks").mkdir()
    PIL.Image.fromarray(np.arange(1, 9001, dtype=np.uint16).reshape(90, 100)).save(tmp_path / "masks/a.png")
    (problem,) = read_masks(tmp_path, VALUES).problems
    assert "the values [1, 2, 4, 5, 6, 8, 10, 11, 12, 13] and 8986 more, which are no class" in problem.message
    assert len(problem.message) < 200


def test_regions_are_made_one_by_one(tmp_path: Path, save_image: SaveImage) -> None:
    """However many classes there are, the pixels of one are held at a time."""
    save_image("images/a.png", size=(300, 300))
    (tmp_path / "masks").mkdir()
    pixels = np.zeros((300, 300), dtype=np.uint8)
    pixels[:100] = np.arange(100)[:, None]
    PIL.Image.fromarray(pixels).save(tmp_path / "masks/a.png")
    values = PixelValues({value: str(value) for value in range(1, 201)})
    tracemalloc.start()
    try:
        (image,) = read_masks(tmp_path, values).images
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [(each.label, each.box) for each in image.objects or ()] == [
        (row - 1, (0, row, 300, row + 1)) for row in range(1, 100)
    ]
    assert peak < 20 * pixels.size


def test_a_damaged_mask_and_one_without_image(write: Callable[..., Path]) -> None:
    """Both are problems; an image without mask is unlabelled."""
    folder = write([[3, 0, 0], [0, 0, 0]])
    whole = (folder / "masks/a.png").read_bytes()
    (folder / "masks/a.png").write_bytes(whole[:50])
    (folder / "masks/stray.png").write_bytes(whole)
    PIL.Image.new("L", (3, 2)).save(folder / "images/b.png")
    found = read_masks(folder, VALUES)
    assert [(Path(problem.place).name, problem.image) for problem in found.problems] == [
        ("stray.png", None),
        ("a.png", "a.jpg"),
    ]
    assert [image.objects for image in found.images] == [None, None]


def test_values_need_one_meaning_each(write: Callable[..., Path]) -> None:
    """A class that is background too, no classes, no file that says."""
    folder = write([[0, 0, 0], [0, 0, 0]])
    for values in (PixelValues({0: "pit"}), PixelValues({})):
        with pytest.raises(ConfigurationError, match="each pixel value needs one meaning"):
            read_masks(folder, values)
    with pytest.raises(DataError, match=r"cannot read .*values\.yaml"):
        read_masks(folder)
    for text in ("values: {a: b}", "[" * 5000):
        (folder / "values.yaml").write_text(text)
        with pytest.raises(DataError, match="does not say which pixel values"):
            read_masks(folder)


def test_what_masks_cannot_show(tmp_path: Path) -> None:
    """Boxes alone, and more classes than bytes have values."""
    image = AnnotatedImage("a.png", (2, 3), Objects((Object((0, 0, 1, 1), 0),)))
    with pytest.raises(DataError, match="objects without a mask"):
        write_masks(Annotations(tmp_path, ("pit",), (image,)), tmp_path)
    with pytest.raises(DataError, match="room for 254 classes"):
        write_masks(Annotations(tmp_path, tuple(map(str, range(255))), ()), tmp_path)
