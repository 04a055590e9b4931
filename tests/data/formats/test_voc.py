"""Pascal VOC as the development kit has it, and what is wrong with some files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import PIL.Image
import pytest

from alframe.data.formats import AnnotatedImage, Annotations, read_voc, write_voc
from alframe.errors import DataError
from alframe.types import UNLABELLED, Object, Objects

SaveImage = Callable[..., Path]

OBJECT = """
  <object>
    <name>{name}</name><pose>Left</pose><truncated>1</truncated><difficult>{difficult}</difficult>
    <bndbox><xmin>{xmin}</xmin><ymin>2</ymin><xmax>{xmax}</xmax><ymax>10</ymax></bndbox>
    <part><name>head</name><bndbox><xmin>3</xmin><ymin>3</ymin><xmax>4</xmax><ymax>4</ymax></bndbox></part>
  </object>"""
SIZE = "<size><width>12</width><height>10</height><depth>3</depth></size>"


def voc_object(name: str = "dog", xmin: str = "1", xmax: str = "12", difficult: str = "0") -> str:
    return OBJECT.format(name=name, xmin=xmin, xmax=xmax, difficult=difficult)


@pytest.fixture
def write(tmp_path: Path, save_image: SaveImage) -> Callable[..., Path]:
    """Write the annotation of an image, and the image, and return the folder of the data set."""

    def write_one(*contents: str, name: str = "a", whole: str | None = None) -> Path:
        save_image(f"JPEGImages/{name}.jpg")
        path = tmp_path / "Annotations" / f"{name}.xml"
        path.parent.mkdir(exist_ok=True)
        text = f"<annotation><filename>other</filename>{''.join(contents)}</annotation>" if whole is None else whole
        path.write_text(text)
        return tmp_path

    return write_one


def test_pixels_count_from_1_and_the_last_is_inside(write: Callable[..., Path]) -> None:
    """From xmin 1 to xmax 12 is the whole width of 12 pixels; parts of objects are no objects."""
    folder = write(SIZE, voc_object(), voc_object("cat", "3", "3", difficult="1"))
    found = read_voc(folder)
    assert found.problems == ()
    assert found.classes == ("cat", "dog")
    (image,) = found.images
    assert (image.path, image.size) == ("a.jpg", (10, 12))
    assert list(image.objects or ()) == [Object((0, 1, 12, 10), 1), Object((2, 1, 3, 10), 0, difficult=True)]


def test_boxes_are_written_as_whole_numbers(tmp_path: Path) -> None:
    """Devkit tools read integers: no 1.0."""
    PIL.Image.new("L", (12, 10)).save(tmp_path / "a.png")
    objects = Objects((Object((0.0, 1.0, 12.0, 10.0), 0), Object((0, 0, 1, 1), UNLABELLED, crowd=True)))
    annotations = Annotations(tmp_path, ("dog",), (AnnotatedImage("a.png", (10, 12), objects),))
    assert write_voc(annotations, tmp_path) == 1
    text = (tmp_path / "Annotations/a.xml").read_text()
    assert "<xmin>1</xmin>" in text
    assert "<ymin>2</ymin>" in text
    assert "<xmax>12</xmax>" in text
    assert text.count("<object>") == 1


def test_an_image_without_annotation_is_unlabelled(write: Callable[..., Path], save_image: SaveImage) -> None:
    """Nobody has said that it is empty; one whose file has no objects is."""
    save_image("JPEGImages/b.png")
    write(SIZE, name="c")
    found = read_voc(write(SIZE, voc_object()))
    assert {image.path: image.objects is None for image in found.images} == {
        "a.jpg": False,
        "b.png": True,
        "c.jpg": False,
    }
    assert found.problems == ()


def test_size_may_be_missing_or_unknown(write: Callable[..., Path]) -> None:
    """Tools write zeros where they do not know it."""
    write(voc_object(), name="b")
    folder = write("<size><width>0</width><height>0</height></size>", voc_object())
    assert read_voc(folder).problems == ()


def test_classes_and_held_out_images_are_named(write: Callable[..., Path], tmp_path: Path) -> None:
    """Given classes keep their order, classes.txt comes next; a list names what is held out."""
    write(SIZE, voc_object("cat"), name="b")
    folder = write(SIZE, voc_object())
    (tmp_path / "test.txt").write_text("b\n")
    found = read_voc(folder, ("dog", "cow", "cat"), tmp_path / "test.txt")
    assert found.classes == ("dog", "cow", "cat")
    assert {image.path: image.held_out for image in found.images} == {"a.jpg": False, "b.jpg": True}
    (tmp_path / "classes.txt").write_text("dog\n\ncat\n")
    assert read_voc(folder).classes == ("dog", "cat")
    (tmp_path / "test.txt").write_text("x\n")
    with pytest.raises(DataError, match=r"test\.txt names none of the images"):
        read_voc(folder, test_names=tmp_path / "test.txt")


@pytest.mark.parametrize(
    ("content", "place", "message"),
    [
        (voc_object(xmax="14"), "a.xml, object 2", "outside the image of 12 x 10"),
        (
            voc_object(xmin="0"),
            "a.xml, object 2",
            r"the box \(0, 2\) to \(12, 10\) begins outside .* VOC counts pixels from 1; these look counted from 0$",
        ),
        (voc_object(xmin="-7"), "a.xml, object 2", r"the box \(-7, 2\) to .* VOC counts pixels from 1$"),
        (voc_object(xmin="5", xmax="4"), "a.xml, object 2", "has no area"),
        (voc_object(xmin="nan"), "a.xml, object 2", "bndbox/xmin: 'nan' is no number"),
        (voc_object(xmin="left"), "a.xml, object 2", "bndbox/xmin: 'left' is no number"),
        (voc_object(xmin=""), "a.xml, object 2", "there is no bndbox/xmin"),
        (voc_object(name=""), "a.xml, object 2", "there is no name"),
        (voc_object(name="cow"), "a.xml, object 2", "there is no class 'cow'; the classes are dog"),
        (SIZE.replace("12", "20"), "a.xml", "has 12 x 10 pixels, its annotation says 20 x 10"),
        ("<size><width>1e999</width></size>", "a.xml", "there is no size/height"),
        ("<size><width>inf</width><height>10</height></size>", "a.xml", "size/width: 'inf' is no number"),
        ("<object>", "a.xml", "no XML: mismatched tag: line "),
    ],
)
def test_what_is_wrong_is_named_by_file_and_object(
    write: Callable[..., Path], content: str, place: str, message: str
) -> None:
    """The image loses its objects; another keeps its own."""
    write(SIZE, voc_object(), name="b")
    found = read_voc(write(voc_object(), content), ("dog",))
    (problem,) = found.problems
    assert problem.place.endswith(place)
    assert problem.image == "a.jpg"
    with pytest.raises(ValueError, match=message):
        raise ValueError(problem.message)
    assert [image.objects is None for image in found.images] == [True, False]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_refused_before_they_are_parsed(write: Callable[..., Path], encoding: str) -> None:
    """A billion laughs, and a file from elsewhere, in whatever encoding; the parser never sees them."""
    laughs = '<!DOCTYPE a [<!ENTITY l "laugh"><!ENTITY m "&l;&l;&l;">]><annotation>&m;</annotation>'
    folder = write(SIZE, voc_object(), name="b")
    write(whole="")
    (folder / "Annotations/a.xml").write_bytes(laughs.encode(encoding))
    (problem,) = read_voc(folder).problems
    assert "DOCTYPE" in problem.message or "decode" in problem.message


def test_files_and_images_that_do_not_belong_together(write: Callable[..., Path], save_image: SaveImage) -> None:
    """An annotation without image, and one that could be of two."""
    folder = write(SIZE, voc_object())
    (folder / "Annotations/gone.xml").write_text("<annotation/>")
    save_image("JPEGImages/a.png")
    found = read_voc(folder)
    assert [(problem.image, Path(problem.place).name) for problem in found.problems] == [
        ("a.jpg", "a.xml"),
        (None, "gone.xml"),
    ]
    assert found.images[0].objects is None


def test_a_folder_without_images_or_objects(tmp_path: Path, write: Callable[..., Path]) -> None:
    """Both are said, with what to do."""
    with pytest.raises(DataError, match="no images below"):
        read_voc(tmp_path)
    with pytest.raises(DataError, match="name them in classes"):
        read_voc(write(SIZE))


def test_images_that_would_share_a_file_cannot_be_written(tmp_path: Path) -> None:
    """One would overwrite the other."""
    images = tuple(AnnotatedImage(name, (10, 12), Objects()) for name in ("a.jpg", "a.png"))
    with pytest.raises(DataError, match=r"a\.jpg and a\.png would have the same annotation file"):
        write_voc(Annotations(tmp_path, ("dog",), images), tmp_path)
