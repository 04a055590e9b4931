"""YOLO as Ultralytics' and other tools have it, and what is wrong with some files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from alframe.data.formats import read_yolo
from alframe.errors import DataError
from alframe.types import Object, Objects, Polygons

SaveImage = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, save_image: SaveImage) -> Callable[..., Path]:
    """Write the labels of an image of 12 x 10 pixels, and the image, and return the folder of the data set."""

    def write_one(*lines: str, name: str = "images/a.png", labels: str = "labels/a.txt") -> Path:
        save_image(name)
        path = tmp_path / labels
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines))
        (tmp_path / "classes.txt").write_text("cat\ndog\n")
        return tmp_path

    return write_one


def test_boxes_and_outlines_in_shares_of_the_image(write: Callable[..., Path], save_image: SaveImage) -> None:
    """Four numbers are a box, six or more corners; an image without a file is empty; blank lines are none."""
    save_image("images/empty.png")
    found = read_yolo(write("1 0.5 0.5 0.5 0.2", "", "0 0 0.5 0.25 0.5 0.25 1.0"))
    assert found.problems == ()
    assert found.classes == ("cat", "dog")
    assert {image.path: image.objects for image in found.images} == {
        "a.png": Objects((Object((3, 4, 9, 6), 1), Object((0, 5, 3, 10), 0, Polygons(((0, 5, 3, 5, 3, 10),))))),
        "empty.png": Objects(),
    }


@pytest.mark.parametrize("names", ["names: [cat, dog]", "names: {0: cat, 1: dog}", "names:\n  1: dog\n  0: cat"])
@pytest.mark.parametrize(
    "parts",
    [
        "path: ../datasets/x\ntrain: images/train\nval: images/val",
        "train: [images/train]\nval: ./images/val\ntest: images/nowhere",
        "train: ../images/train\nval: lists/val.txt",  # as Roboflow writes it
    ],
)
def test_data_yaml_names_classes_and_parts(write: Callable[..., Path], parts: str, names: str) -> None:
    """Folders and lists, below the folder; val is held out."""
    for part in ("train", "val"):
        folder = write("0 0.5 0.5 1 1", name=f"images/{part}/a.png", labels=f"labels/{part}/a.txt")
    (folder / "lists").mkdir()
    (folder / "lists/val.txt").write_text("\n./../images/val/a.png\n")
    (folder / "data.yaml").write_text(f"{parts}\n{names}\n")
    found = read_yolo(folder)
    assert found.problems == ()
    assert found.classes == ("cat", "dog")
    assert {image.path: image.held_out for image in found.images} == {"train/a.png": False, "val/a.png": True}
    assert all(len(image.objects or ()) == 1 for image in found.images)


def test_parts_that_are_the_same_are_no_split(write: Callable[..., Path]) -> None:
    """As in coco128.yaml."""
    folder = write("0 0.5 0.5 1 1")
    (folder / "data.yaml").write_text("train: images\nval: images\nnames: [cat]\n")
    assert [image.held_out for image in read_yolo(folder).images] == [None]


def test_the_last_images_folder_is_labels(write: Callable[..., Path]) -> None:
    """Where parts have folders of images each, those are part of the names."""
    folder = write("0 0.5 0.5 1 1", name="train/images/a.png", labels="train/labels/a.txt")
    (folder / "data.yaml").write_text("train: train/images\nnames: [cat]\n")
    (image,) = read_yolo(folder).images
    assert image.path == "train/images/a.png"
    assert len(image.objects or ()) == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 0.9 0.5 0.5 0.5", "outside the image of 12 x 10"),
        ("0 0.5 0.5 0 0.5", "has no area"),
        ("0 0.5 0.5 -0.2 0.5", "has no area"),
        ("0 nan 0.5 0.5 0.5", "'nan' is no number"),
        ("0 0.5 half 0.5 0.5", "'half' is no number"),
        ("2 0.5 0.5 0.5 0.5", "there is no class '2'; the classes are 0 to 1"),
        ("-1 0.5 0.5 0.5 0.5", "there is no class '-1'"),
        ("cat 0.5 0.5 0.5 0.5", "there is no class 'cat'"),
        ("0 0.5 0.5 0.5", "a class needs 4 numbers after it"),
        ("0 0.5 0.5 0.5 0.5 0.9", "got 5"),
        ("0 0.5 0.5 0.5 0.5 1.5 0.6", "outside the image"),
        ("0 0.5 0.5 0.5 0.5 0.6 nan", "'nan' is no number"),
        ("0 0.5 0.5 0.6 0.5 0.7 0.5", "has no area"),
    ],
)
def test_a_bad_line_is_named(write: Callable[..., Path], line: str, message: str) -> None:
    """By its file and number; the image loses its objects."""
    found = read_yolo(write("0 0.5 0.5 0.5 0.5", "", line))
    (problem,) = found.problems
    assert problem.place.endswith("labels/a.txt, line 3")
    with pytest.raises(ValueError, match=message):
        raise ValueError(problem.message)
    assert found.images[0].objects is None


def test_files_and_images_that_do_not_belong_together(write: Callable[..., Path]) -> None:
    """Labels without image, an image listed twice or missing, a path that leaves the folder."""
    folder = write("0 0.5 0.5 0.5 0.5")
    (folder / "labels/stray.txt").write_text("")
    (folder / "all.txt").write_text("images/a.png\n./images/a.png\nimages/gone.png\n../x.png\n/x.png\n")
    (folder / "data.yaml").write_text("train: all.txt\nnames: [cat]\n")
    found = read_yolo(folder)
    assert {(Path(problem.place).name, problem.image) for problem in found.problems} == {
        ("stray.txt", None),
        ("all.txt, line 2", "a.png"),
        ("gone.txt", "gone.png"),
        ("all.txt, line 4", None),
        ("all.txt, line 5", None),
    }
    assert all(image.objects is None for image in found.images)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train: [", "does not say where images are"),
        pytest.param("[" * 5000, "does not say where images are", id="deep"),
        ("train: images", "names: Field required"),
        ("train: images\nnames: {1: cat}", r"names must count from 0 without a gap, got \[1\]"),
        ("train: nowhere\nnames: [cat]", "'nowhere', which is neither a folder nor a list"),
        ("train: /etc\nnames: [cat]", "path must name a file below the root"),
        ("train: labels\nnames: [cat]", "lists no images below"),
    ],
)
def test_a_data_yaml_that_cannot_be_used(write: Callable[..., Path], text: str, message: str) -> None:
    """It is refused as a whole."""
    folder = write("0 0.5 0.5 0.5 0.5")
    (folder / "data.yaml").write_text(text)
    with pytest.raises(DataError, match=message):
        read_yolo(folder)
