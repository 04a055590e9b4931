"""CVAT for images as its documentation has it, and what is wrong with some files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from alframe.data.formats import AnnotatedImage, Annotations, read_cvat, write_cvat
from alframe.data.formats.cvat import parse_cvat
from alframe.data.formats.cvat_writer import Labelled, cvat_document
from alframe.errors import DataError
from alframe.functional.regions import decode_region, encode_region
from alframe.types import UNLABELLED, Object, Objects, Polygons, Rle

SaveImage = Callable[..., Path]

META = """<version>1.1</version><meta><{owner}><id>4</id><mode>annotation</mode><labels>
  <label><name>car</name><color>#2080c0</color><attributes/></label>
  <label><name>wheel</name><attributes><attribute><name>difficult</name></attribute></attributes></label>
</labels></{owner}><dumped>2018-09-25 11:38:28</dumped></meta>"""


def image(*shapes: str, name: str = "a.jpg", rest: str = "") -> str:
    return f'<image id="0" name="{name}" width="12" height="10"{rest}>{"".join(shapes)}</image>'


def box(label: str = "car", xtl: str = "1.50", xbr: str = "9.00", rest: str = "") -> str:
    return f'<box label="{label}" occluded="1" xtl="{xtl}" ytl="2" xbr="{xbr}" ybr="6" z_order="4"{rest}></box>'


@pytest.fixture
def read(tmp_path: Path, save_image: SaveImage) -> Callable[..., Annotations]:
    """Read a file of these images, of which a.jpg and b.jpg are there."""
    save_image("a.jpg")
    save_image("b.jpg")

    def read_one(*images: str, owner: str = "task", whole: str | None = None) -> Annotations:
        path = tmp_path / "annotations.xml"
        text = f"<annotations>{META.format(owner=owner)}{''.join(images)}</annotations>" if whole is None else whole
        path.write_text(text)
        return read_cvat(path, tmp_path)

    return read_one


@pytest.mark.parametrize("owner", ["task", "project", "job"])
def test_shapes_become_objects(read: Callable[..., Annotations], owner: str) -> None:
    """Boxes as they are, polygons with the box around them, attributes by name; tags are no objects."""
    polygon = '<polygon label="wheel" points="1,2;5.5,2;5,8" z_order="1"><attribute name="difficult">true</attribute>'
    tag = '<tag label="good_frame" source="manual"/>'
    found = read(image(box(), polygon + "</polygon>", tag), image(name="b.jpg"), owner=owner)
    assert (found.problems, found.classes) == ((), ("car", "wheel"))
    drawn = Object((1, 2, 5.5, 8), 1, Polygons(((1, 2, 5.5, 2, 5, 8),)), difficult=True)
    assert list(found.images[0].objects or ()) == [drawn, Object((1.5, 2, 9, 6), 0)]  # by what lies on top
    assert found.images[1].objects == Objects()


def test_masks_run_row_by_row_inside_their_box(read: Callable[..., Annotations]) -> None:
    """The first run is outside the region; against pixels set one by one."""
    mask = '<mask label="car" rle="1, 2, 1, 2" left="3" top="4" width="3" height="2"/>'
    (found,) = read(image(mask)).images[0].objects or Objects()
    pixels = np.zeros((10, 12), dtype=np.bool_)
    for y, x in ((4, 4), (4, 5), (5, 4), (5, 5)):
        pixels[y, x] = True
    assert found.mask is not None
    np.testing.assert_array_equal(decode_region(found.mask, 10, 12), pixels)
    assert found.box == (3, 4, 6, 6)


@pytest.mark.parametrize("seed", range(5))
def test_any_mask_comes_back(seed: int) -> None:
    """Also one that touches all edges, or begins in the first pixel."""
    rng = np.random.default_rng(seed)
    pixels = rng.random((6, 7)) < rng.random() + 0.1
    region = encode_region(pixels)
    document = cvat_document(["car"], [Labelled("a.png", (6, 7), Objects((Object((0, 0, 7, 6), 0, region),)))])
    (found,) = parse_cvat(document.decode()).images[0].objects({"car": 0}, 6, 7)
    assert found.mask == region


def test_a_turned_box_becomes_the_one_around_it(read: Callable[..., Annotations]) -> None:
    """A quarter turn about (6, 4) makes 4 x 4 of 4 x 4, and 6 x 4 of 4 x 6; by an eighth a square grows by root 2."""
    (turned,) = read(image(box(xtl="3", xbr="9", rest=' rotation="90"'))).images[0].objects or Objects()
    assert turned.box == pytest.approx((4, 1, 8, 7))
    (turned,) = read(image(box(xtl="4", xbr="8", rest=' rotation="45.0"'))).images[0].objects or Objects()
    half = 2 * 2**0.5
    assert turned.box == pytest.approx((6 - half, 4 - half, 6 + half, 4 + half))


def test_classes_of_images_are_tags() -> None:
    document = cvat_document(["dog", 'c"at & <co>'], [Labelled("a", (4, 5), 1), Labelled("b", (4, 5), None)])
    file = parse_cvat(document.decode())
    assert file.classes == ("dog", 'c"at & <co>')
    assert [(each.name, each.size, each.tags) for each in file.images] == [
        ("a", (4, 5), ('c"at & <co>',)),
        ("b", (4, 5), ()),
    ]


def test_what_has_no_class_is_left_out_and_counted(tmp_path: Path) -> None:
    objects = Objects((Object((0, 0, 2, 2), 0), Object((0, 0, 1, 1), UNLABELLED, crowd=True)))
    assert write_cvat(Annotations(tmp_path, ("dog",), (AnnotatedImage("a.png", (10, 12), objects),)), tmp_path) == 1
    assert (tmp_path / "annotations.xml").read_text().count("<box") == 1


def test_the_subset_test_is_held_out(read: Callable[..., Annotations]) -> None:
    found = read(image(rest=' subset="Test"'), image(name="b.jpg", rest=' subset="Train"'))
    assert [each.held_out for each in found.images] == [True, False]
    assert [each.held_out for each in read(image()).images] == [None]


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (box(label="cow"), "there is no class 'cow'; the classes are car, wheel"),
        (box(xbr="14"), "outside the image of 12 x 10"),
        (box(xbr="nan"), "xbr: 'nan' is no number"),
        (box(xbr=""), "there is no xbr of <box>"),
        (box(rest=' rotation="much"'), "'much' is no number"),
        ('<polygon label="car" points="1,2;3;4,5"/>', "not two numbers each"),
        ('<polygon label="car" points="1,2;3,4"/>', "3 corners or more"),
        (
            '<ellipse label="car" cx="3" cy="3" rx="1" ry="1"/>',
            "it has one of the kind ellipse",
        ),
        (
            '<mask label="car" rle="1,2" left="0" top="0" width="2" height="2"/>',
            "cover 3 pixels and not",
        ),
        ('<mask label="car" rle="4" left="0" top="0" width="2" height="2"/>', "the mask has no pixels"),
        ('<mask label="car" rle="-1,5" left="0" top="0" width="2" height="2"/>', "the run lengths"),
        (
            '<mask label="car" rle="0,9000000000000" left="0" top="0" width="3000000" height="3000000"/>',
            "is outside the image",
        ),
    ],
)
def test_what_is_wrong_is_named_by_image(read: Callable[..., Annotations], shape: str, message: str) -> None:
    """The image loses its objects; another keeps its own."""
    found = read(image(shape), image(box(), name="b.jpg"))
    (problem,) = found.problems
    assert problem.place.endswith("annotations.xml, image a.jpg")
    assert (problem.image, message in problem.message) == ("a.jpg", True), problem
    assert [each.objects is None for each in found.images] == [True, False]


def test_images_that_cannot_be(read: Callable[..., Annotations]) -> None:
    """One that is missing, one outside the folder, one listed twice."""
    found = read(image(), image(name="gone.jpg"), image(name="../../secret.jpg"), image())
    messages = [problem.message for problem in found.problems]
    assert [each.path for each in found.images] == ["a.jpg", "gone.jpg"]
    for part, message in zip(("cannot be used", "below the root", "already"), messages, strict=True):
        assert part in message
    assert all(each.objects is None for each in found.images)


def test_another_size_than_the_image_has(read: Callable[..., Annotations]) -> None:
    (problem,) = read(image(box()).replace('height="10"', 'height="1000000"')).problems
    assert "has 12 x 10 pixels, its annotation says 12 x 1000000" in problem.message


@pytest.mark.parametrize(
    ("whole", "message"),
    [
        ('<!DOCTYPE a [<!ENTITY l "laugh">]><annotations>&l;</annotations>', "it has a DOCTYPE"),
        ("<annotations>", "no XML"),
        ("<annotation/>", "begins with <annotation>, not <annotations>"),
        ("<annotations><track/></annotations>", "export the task as CVAT for images 1.1"),
        ("<annotations/>", "names no classes"),
        ('<annotations><image name="a.jpg"/></annotations>', "image a.jpg: there is no height of <image>"),
        ('<annotations><image width="3"/></annotations>', "there is no name of <image>"),
    ],
)
def test_files_that_are_none(read: Callable[..., Annotations], whole: str, message: str) -> None:
    with pytest.raises(DataError, match=r"annotations\.xml: |names no classes") as caught:
        read(whole=whole)
    assert message in str(caught.value)


def test_only_one_ring_is_a_polygon() -> None:
    """A mask of several rings becomes pixels, one of one ring stays a polygon."""
    rings = ((0.0, 0.0, 3.0, 0.0, 3.0, 3.0), (5.0, 5.0, 7.0, 5.0, 7.0, 7.0))
    objects = Objects((Object((0, 0, 7, 7), 0, Polygons(rings)), Object((0, 0, 3, 3), 0, Polygons(rings[:1]))))
    file = parse_cvat(cvat_document(["x"], [Labelled("a", (8, 8), objects)]).decode())
    assert [type(each.mask) for each in file.images[0].objects({"x": 0}, 8, 8)] == [Rle, Polygons]
