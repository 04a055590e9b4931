"""What is written is what is read, for every format and as far as the format can carry it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alframe.data.formats import (
    AnnotatedImage,
    Annotations,
    read_coco,
    read_cvat,
    read_masks,
    read_voc,
    read_yolo,
    write_coco,
    write_cvat,
    write_masks,
    write_voc,
    write_yolo,
)
from alframe.functional.regions import box_of, class_map, decode_region
from alframe.types import UNLABELLED, Mask, Object, Objects, Polygons

Draw = Callable[..., Annotations]


def read(kind: str, folder: Path) -> Annotations:
    if kind == "coco":
        annotations = folder / "annotations"
        test = annotations / "test.json"
        return read_coco(annotations / "train.json", folder / "images", test if test.is_file() else None)
    if kind == "cvat":
        return read_cvat(folder / "annotations.xml", folder / "images")
    if kind == "voc":
        return read_voc(folder, test_names=folder / "ImageSets/Main/test.txt")
    return read_yolo(folder) if kind == "yolo" else read_masks(folder, test_names=folder / "test.txt")


WRITERS = {"coco": write_coco, "cvat": write_cvat, "voc": write_voc, "yolo": write_yolo, "masks": write_masks}
IMAGES = {"coco": "images", "cvat": "images", "voc": "JPEGImages", "yolo": "images", "masks": "images"}


def by_path(annotations: Annotations) -> dict[str, AnnotatedImage]:
    return {image.path: image for image in annotations.images}


def assert_same(found: Annotations, wanted: Annotations, precision: float = 1e-9) -> None:
    """The same images, sizes, split, classes and objects, in whatever order the images are."""
    assert found.problems == ()
    assert found.classes == wanted.classes
    assert by_path(found).keys() == by_path(wanted).keys()
    for path, image in by_path(wanted).items():
        other = by_path(found)[path]
        assert (other.size, other.held_out, other.group) == (image.size, image.held_out, image.group)
        assert other.objects is not None
        assert image.objects is not None
        np.testing.assert_allclose(other.objects.boxes, image.objects.boxes, rtol=0, atol=precision)
        plain = [replace(each, box=(0, 0, 0, 0), mask=None) for each in image.objects]
        assert [replace(each, box=(0, 0, 0, 0), mask=None) for each in other.objects] == plain
        for one, two in zip(image.objects, other.objects, strict=True):
            assert_same_mask(two.mask, one.mask, image.size)


def assert_same_mask(found: Mask | None, wanted: Mask | None, size: tuple[int, int]) -> None:
    """The same pixels, or corners that are the same to a billionth of a pixel."""
    if isinstance(found, Polygons) and isinstance(wanted, Polygons):
        np.testing.assert_allclose(found.rings, wanted.rings, rtol=0, atol=1e-9)
    elif found is not None and wanted is not None:
        np.testing.assert_array_equal(decode_region(found, *size), decode_region(wanted, *size))
    else:
        assert found is wanted


@pytest.mark.parametrize("content", ["boxes", "runs", "polygons"])
def test_coco_carries_everything(folder: Path, draw: Draw, content: str) -> None:
    """Boxes, both kinds of mask as they are, crowds, difficult objects, groups, the split and empty images."""
    wanted = draw("images", content, ignored=True)
    wanted = replace(wanted, images=tuple(replace(image, group="line 2") for image in wanted.images))
    assert write_coco(wanted, folder) == 0
    found = read("coco", folder)
    assert_same(found, wanted)
    objects = {path: image.objects for path, image in by_path(found).items()}
    for path, image in by_path(wanted).items():
        assert [each.mask for each in objects[path] or ()] == [each.mask for each in image.objects or ()]


@pytest.mark.parametrize("content", ["boxes", "runs", "polygons"])
def test_cvat_carries_everything(folder: Path, draw: Draw, content: str) -> None:
    """Boxes, polygons, masks pixel by pixel, crowds, difficult objects, the split and empty images."""
    wanted = draw("images", content, ignored=True)
    assert write_cvat(wanted, folder) == 0
    assert_same(read("cvat", folder), wanted)


def test_voc_carries_boxes_and_difficult(folder: Path, draw: Draw) -> None:
    """Whatever is to be ignored comes back as difficult; fractions of pixels stay."""
    wanted = draw("JPEGImages", ignored=True)
    assert write_voc(wanted, folder) == 0
    found = read("voc", folder)
    difficult = tuple(
        replace(
            image,
            objects=Objects(tuple(replace(each, crowd=False, difficult=each.ignored) for each in image.objects or ())),
        )
        for image in wanted.images
    )
    assert_same(found, replace(wanted, images=difficult))


@pytest.mark.parametrize("content", ["boxes", "polygons", "runs"])
def test_yolo_carries_boxes_and_outlines(folder: Path, draw: Draw, content: str) -> None:
    """Run lengths with parts and holes become one outline of exactly the same pixels."""
    wanted = draw("images", content)
    assert write_yolo(wanted, folder) == 0
    if content == "polygons":  # a box of YOLO's outlines is the one around them
        assert all(
            isinstance(each.mask, Polygons) for image in read("yolo", folder).images for each in image.objects or ()
        )
    assert_same(read("yolo", folder), wanted)


def test_yolo_carries_the_union_of_rings(folder: Path, draw: Draw) -> None:
    """Two squares of 100 pixels that share 25 are 175; those too small for a pixel stay as they are."""
    squares = Polygons(((2, 2, 12, 2, 12, 12, 2, 12), (7, 7, 17, 7, 17, 17, 7, 17)))
    slivers = Polygons(((2, 2, 2.2, 2, 2.2, 2.2), (7, 7, 7.2, 7, 7.2, 7.2)))
    objects = Objects((Object((2, 2, 17, 17), 0, squares), Object((2, 2, 7.2, 7.2), 1, slivers)))
    drawn = draw("images")
    write_yolo(replace(drawn, images=(replace(drawn.images[0], objects=objects),)), folder)
    found = by_path(read("yolo", folder))["a.png"]
    regions = [decode_region(each.mask, *found.size) for each in found.objects or () if each.mask is not None]
    np.testing.assert_array_equal(regions[0], decode_region(squares, *found.size))
    assert [region.sum() for region in regions] == [175, 0]


def test_yolo_leaves_out_what_is_to_be_ignored(folder: Path, draw: Draw) -> None:
    """It has no word for crowds and difficult objects, and they are no plain ones; how many there were is returned."""
    assert write_yolo(draw("images", ignored=True), folder) == 2
    assert len(by_path(read("yolo", folder))["day 1/b.png"].objects or ()) == 1


def test_masks_carry_the_class_of_every_pixel(folder: Path, draw: Draw) -> None:
    """Class maps are the same, and what is to be ignored is one region without a class."""
    wanted = draw("images", "runs", ignored=True)
    assert write_masks(wanted, folder) == 0
    found = read("masks", folder)
    assert (found.problems, found.classes) == ((), wanted.classes)
    for path, image in by_path(wanted).items():
        other = by_path(found)[path]
        assert other.held_out == image.held_out
        np.testing.assert_array_equal(
            class_map(other.objects or Objects(), *image.size), class_map(image.objects or Objects(), *image.size)
        )
        for each in other.objects or ():
            assert each.mask is not None
            assert each.box == box_of(decode_region(each.mask, *image.size))
            assert each.crowd == (each.label == UNLABELLED)
    write_masks(found, folder)
    assert read("masks", folder) == found


@pytest.mark.parametrize("kind", ["coco", "cvat", "voc", "yolo"])
def test_exports_of_the_same_data_are_the_same_data(folder: Path, draw: Draw, kind: str) -> None:
    """COCO, CVAT, VOC and YOLO of the same images, read back: the same samples, boxes and classes."""
    wanted = draw(IMAGES[kind])
    WRITERS[kind](wanted, folder)
    assert_same(read(kind, folder), wanted)


@pytest.mark.parametrize("kind", ["coco", "cvat", "voc", "yolo", "masks"])
def test_what_was_read_is_written_and_read_again(folder: Path, draw: Draw, kind: str) -> None:
    """A second trip changes nothing at all."""
    WRITERS[kind](draw(IMAGES[kind], "runs", ignored=True), folder)
    first = read(kind, folder)
    WRITERS[kind](first, folder)
    assert read(kind, folder) == first


@given(
    edges=st.tuples(*[st.floats(0, 1, allow_subnormal=False)] * 4),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    label=st.integers(0, 1),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_box_comes_back(folder: Path, edges: tuple[float, ...], size: tuple[int, int], label: int) -> None:
    """To a millionth of a pixel, from every format of boxes."""
    (left, right), (top, bottom) = (sorted(edges[place::2]) for place in (0, 1))
    height, width = size
    box = (left * width, top * height, right * width, bottom * height)
    if min(box[2] - box[0], box[3] - box[1]) < 1e-3:
        return
    objects = Objects((Object(box, label), Object((0, 0, width, height), 1 - label)))
    for kind in ("coco", "cvat", "voc", "yolo"):
        path = folder / IMAGES[kind] / "x.png"
        path.parent.mkdir(exist_ok=True)
        PIL.Image.new("L", (width, height)).save(path)
        wanted = Annotations(path.parent, ("p", "q"), (AnnotatedImage("x.png", size, objects, held_out=None),))
        WRITERS[kind](wanted, folder)
        found = read_voc(folder) if kind == "voc" else read(kind, folder)
        said = replace(found, images=tuple(replace(image, held_out=None) for image in found.images))
        assert_same(said, wanted, precision=1e-6)
