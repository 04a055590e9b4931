"""A folder of images of which nothing more is known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import tiny

from alframe.data import UnlabelledFolder
from alframe.errors import ConfigurationError, DataError
from alframe.run import run
from alframe.types import UNLABELLED

SaveImage = Callable[..., Path]


@pytest.fixture
def pictures(tmp_path: Path, save_image: SaveImage) -> Path:
    """Five images in folders of several depths, among what is none."""
    names = ("10.png", "9.png", "b/2.jpg", "b/deep/er/1.PNG", "a.b/x.tiff")
    for shade, name in enumerate((*names, ".hidden.png", ".cache/0.png", "b/.thumbs/1.png")):
        save_image(f"pictures/{name}", shade=shade)
    (tmp_path / "pictures/notes.txt").write_text("no image")
    (tmp_path / "pictures/folder.png").mkdir()
    (tmp_path / "pictures/gone.png").symlink_to("nowhere.png")
    return tmp_path / "pictures"


def test_every_image_is_found_however_deep(pictures: Path) -> None:
    """Ids are paths from the root in natural order, and name their files; nothing is labelled and nothing held out."""
    source = UnlabelledFolder(str(pictures), classes=["cat", "dog"])
    assert source.table.ids.tolist() == ["9.png", "10.png", "a.b/x.tiff", "b/2.jpg", "b/deep/er/1.PNG"]
    assert set(source.table.labels.tolist()) == {UNLABELLED}
    assert not source.table.held_out.any()
    assert (source.name, source.classes) == ("pictures", ("cat", "dog"))
    assert [source.read(row)[0, 0, 0] for row in (0, 1, 2)] == [1, 0, 4]


def test_classes_need_not_be_known(pictures: Path) -> None:
    """A pool is a pool without them; what they are is the business of the model that scores it."""
    assert UnlabelledFolder(str(pictures)).classes == ()


@pytest.mark.parametrize("classes", [["cat", "cat"], ["cat", ""]])
def test_wrong_classes_are_refused(pictures: Path, classes: list[str]) -> None:
    """Each class has a name of its own."""
    with pytest.raises(ConfigurationError, match=r"data\.classes must name each class once"):
        UnlabelledFolder(str(pictures), classes=classes)


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    """What is missing is named: the folder, or images in it."""
    with pytest.raises(DataError, match=r"no folder at .*nowhere"):
        UnlabelledFolder(str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match=r"no images below .*\.png"):
        UnlabelledFolder(str(tmp_path))


@pytest.mark.parametrize(
    ("classes", "message"),
    [((), "at least two classes, pictures has"), (("cat", "dog"), "a run needs held-out images with labels")],
)
def test_a_run_says_what_such_a_folder_lacks(
    tmp_path: Path, pictures: Path, classes: tuple[str, ...], message: str
) -> None:
    """Active learning needs classes and a test set, and says so; a pool without them can only be scored."""
    with pytest.raises(DataError, match=message):
        run(tiny.parts(data=UnlabelledFolder(str(pictures), classes)), tmp_path / "run", tiny.CONFIG)
