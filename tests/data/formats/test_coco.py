"""COCO files as others write them, and what is wrong with some."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faster_coco_eval.core import mask as coco
from pycocotools import mask as reference

from alframe.data.formats import Annotations, read_coco
from alframe.errors import DataError
from alframe.functional.regions import decode_region
from alframe.types import Objects, Polygons, Rle

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools' own

SaveImage = Callable[..., Path]
CATEGORIES = [{"id": 90, "name": "pit"}, {"id": 7, "name": "scratch", "supercategory": "line"}]
IMAGES = [
    {"id": 4, "file_name": "a.png", "width": 12, "height": 10, "license": 1},
    {"id": "five", "file_name": "sub/b.png", "width": 12, "height": 10},
]


def annotation(number: float = 1, **changes: Any) -> dict[str, Any]:
    return {"id": number, "image_id": 4, "category_id": 7, "bbox": [1, 2, 3, 4], "iscrowd": 0} | changes


@pytest.fixture
def read(tmp_path: Path, save_image: SaveImage) -> Callable[..., Annotations]:
    """Read a COCO file of these annotations."""

    def read_them(*annotations: Any, images: Any = IMAGES, categories: Any = CATEGORIES) -> Annotations:
        for name in ("a.png", "sub/b.png", "c.png"):
            save_image(name)
        path = tmp_path / "set.json"
        path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
        return read_coco(path, tmp_path)

    return read_them


def objects(annotations: Annotations, row: int = 0) -> Objects:
    assert annotations.problems == ()
    found = annotations.images[row].objects
    assert found is not None
    return found


def test_classes_are_categories_by_id(read: Callable[..., Annotations]) -> None:
    """Ids may have gaps and any order; an image without annotation is empty."""
    found = read(annotation(), annotation(2, category_id=90, bbox=[0, 0, 12, 10.0], iscrowd=1))
    assert found.classes == ("scratch", "pit")
    assert [image.path for image in found.images] == ["a.png", "sub/b.png"]
    assert objects(found).boxes.tolist() == [[1, 2, 4, 6], [0, 0, 12, 10]]
    assert objects(found).labels.tolist() == [0, 1]
    assert objects(found).ignored.tolist() == [False, True]
    assert len(objects(found, 1)) == 0


def test_all_three_kinds_of_mask_are_read_as_by_pycocotools(read: Callable[..., Annotations]) -> None:
    """Polygons, run lengths as a list, and as a string: the same pixels as the reference has."""
    pixels = np.zeros((10, 12), dtype=np.uint8, order="F")
    pixels[2:6, 1:4] = 1
    runs = reference.encode(pixels) | {"counts": reference.encode(pixels)["counts"].decode()}
    lengths, value = [0], 0
    for pixel in pixels.ravel(order="F").tolist():
        if pixel != value:
            lengths.append(0)
            value = pixel
        lengths[-1] += 1
    ring = [1.5, 2.5, 8, 3, 7, 9.25]
    found = objects(
        read(
            annotation(segmentation=[ring, [0, 0, 3, 0, 3, 3, 0, 3]]),
            annotation(2, segmentation={"size": [10, 12], "counts": lengths}, iscrowd=1),
            annotation(3, segmentation=runs),
            annotation(4, segmentation=[]),
        )
    )
    polygons, listed, compressed, nothing = (each.mask for each in found)
    assert polygons == Polygons((tuple(ring), (0, 0, 3, 0, 3, 3, 0, 3)))
    expected = reference.decode(reference.merge(reference.frPyObjects([ring, [0, 0, 3, 0, 3, 3, 0, 3]], 10, 12)))
    np.testing.assert_array_equal(decode_region(polygons, 10, 12), expected.astype(bool))
    assert listed == compressed == Rle((10, 12), runs["counts"])
    np.testing.assert_array_equal(decode_region(listed, 10, 12), pixels.astype(bool))
    assert nothing is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bbox": [5, 2, 30, 4]}, "the box .5, 2. to .35, 6. is outside the image of 12 x 10 pixels"),
        ({"bbox": [-2, 2, 4, 4]}, "outside the image"),
        ({"bbox": [1, 2, 0, 4]}, "has no area"),
        ({"bbox": [1, 2, 3, -1]}, "has no area"),
        ({"bbox": [1, 2, float("nan"), 4]}, "bbox.2: Input should be a finite number"),
        ({"bbox": [1, 2, "wide", 4]}, "bbox.2: Input should be a valid number"),
        ({"bbox": [1, 2, 3]}, "bbox.3: Field required"),
        ({"category_id": 8}, "there is no category 8"),
        ({"category_id": True}, "category_id.*an id is a number or a text, got True"),
        ({"id": 1}, "another annotation has this id"),
        ({"segmentation": {"size": [12, 10], "counts": [100, 20]}}, "the mask is one of 10 x 12 pixels"),
        ({"segmentation": {"size": [10, 12], "counts": [100, 21]}}, "run lengths must be 0 or more and cover 10 x 12"),
        ({"segmentation": {"size": [10, 12], "counts": [121, -1]}}, "run lengths must be 0 or more"),
        ({"segmentation": {"size": [10, 12], "counts": "PPPP"}}, "no run lengths"),
        ({"segmentation": {"size": [10, 12], "counts": "5"}}, "no run lengths of an image of 10 x 12: they do not"),
        ({"segmentation": {"size": [10, 12], "counts": [120]}}, "the mask has no pixels"),
        ({"segmentation": [[1, 1, 5, 5]]}, "a polygon needs two numbers for each of 3 corners"),
        ({"segmentation": [[1, 1, 5, 5, 9]]}, "a polygon needs two numbers .* got 5 numbers$"),
        ({"segmentation": [[1] * 100_001]}, "got 100001 numbers$"),
        ({"segmentation": [[1, 1, 5, 1, 9, 1]]}, "has no area"),
        ({"segmentation": [[1, 1, 50, 1, 9, 8]]}, "the polygon .* is outside the image"),
        ({"segmentation": [[1, 1, float("inf"), 1, 9, 8]]}, "finite number"),
        ({"segmentation": 7}, "dictionary or an instance"),
        ({"iscrowd": "some"}, "iscrowd"),
    ],
)
def test_a_bad_annotation_is_named_by_its_id(
    read: Callable[..., Annotations], changes: dict[str, Any], message: str
) -> None:
    """The image that has it loses its objects; the others keep theirs."""
    found = read(annotation(1, image_id="five"), annotation(2) | {"id": 2} | changes)
    (problem,) = found.problems
    assert problem.place.endswith(f"set.json, annotation {changes.get('id', 2)}")
    assert problem.image == "a.png"
    assert re.search(message, problem.message), problem.message
    assert found.images[0].objects is None
    assert len(found.images[1].objects or ()) == 1


@pytest.mark.parametrize(
    ("image", "messages"),
    [
        ({"id": 4, "file_name": "c.png"}, ["a.png has this id too"] * 2),
        ({"id": 6, "file_name": "./a.png"}, ["the image a.png is listed already"]),
        ({"id": 6, "file_name": "gone.png"}, ["the image gone.png cannot be used: the file is missing"]),
        ({"id": 6, "file_name": "../a.png"}, ["path must name a file below the root"]),
        ({"id": 6, "file_name": "/etc/passwd"}, ["path must name a file below the root"]),
        (
            {"id": 6, "file_name": "c.png", "width": 10, "height": 12},
            ["has 12 x 10 pixels, its annotation says 10 x 12"],
        ),
        ({"id": 6}, ["file_name: Field required"]),
        (None, ["should be a dictionary"]),
    ],
)
def test_a_bad_image_is_named_by_its_id(read: Callable[..., Annotations], image: Any, messages: list[str]) -> None:
    """Missing, listed twice, outside the folder, of another size."""
    found = read(images=[*IMAGES, image])
    assert len(found.problems) == len(messages)
    for problem, message in zip(found.problems, messages, strict=True):
        assert message in problem.message
        assert problem.place.endswith(f"image {image['id']}" if image else "image number 3")
    bad = {problem.image for problem in found.problems}
    assert {each.path for each in found.images if each.objects is None} == bad - {None}


def test_ids_written_as_floats_are_those_numbers(read: Callable[..., Annotations]) -> None:
    """As tables export them; true is no 1."""
    images = [IMAGES[0] | {"id": 1.0}, *IMAGES[1:]]
    found = read(annotation(image_id=1), annotation(2.0, image_id=1.0, category_id=90.0), images=images)
    assert objects(found).labels.tolist() == [0, 1]
    (problem,) = read(annotation(image_id=True), images=images).problems
    assert problem.image is None
    assert "an id is a number or a text, got True" in problem.message


def test_masks_are_checked_without_making_pixels(
    read: Callable[..., Annotations], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading a file takes no decoding, however large its images are."""

    def decode(*_: Any) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(coco, "decode", decode)
    runs = {"size": [10, 12], "counts": [100, 5, 15]}
    (found,) = objects(read(annotation(segmentation=runs)))
    assert isinstance(found.mask, Rle)


def test_an_annotation_of_no_image_is_a_problem(read: Callable[..., Annotations]) -> None:
    """It belongs to no image, and spoils none."""
    found = read(annotation(image_id=99), annotation(2, image_id=[4]), "text")
    assert [problem.image for problem in found.problems] == [None] * 3
    assert "there is no image 99" in found.problems[0].message
    assert all(image.objects == Objects() for image in found.images)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"images": [],\n "annotations" []}', r"set\.json, line 2: no JSON"),
        ("[" * 100_000, "no COCO file|no JSON"),
        ("[]", "no COCO file of images"),
        ('{"images": [], "categories": []}', "annotations: Field required"),
        ('{"images": [], "annotations": [], "categories": []}', "each category needs an id and a name"),
        (
            '{"images": [], "annotations": [], "categories": [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]}',
            r"got the ids \[1, 1\]",
        ),
        (
            '{"images": [], "annotations": [], "categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "a"}]}',
            r"got the names \['a', 'a'\]",
        ),
    ],
)
def test_a_file_that_is_no_coco_file(tmp_path: Path, text: str, message: str) -> None:
    """Broken JSON is named by its line."""
    (tmp_path / "set.json").write_text(text)
    with pytest.raises(DataError, match=message):
        read_coco(tmp_path / "set.json", tmp_path)


def test_both_files_have_the_same_categories(tmp_path: Path) -> None:
    """Otherwise a class would mean two things."""
    for name, category in (("train", "pit"), ("test", "dent")):
        content = {"images": [], "annotations": [], "categories": [{"id": 1, "name": category}]}
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match="other categories"):
        read_coco(tmp_path / "train.json", tmp_path, tmp_path / "test.json")
