"""Images sorted into class folders."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from alframe.data import ImageFolder
from alframe.errors import DataError, UnreadableImage

SaveImage = Callable[..., Path]


def test_given_split_is_kept(tmp_path: Path, save_image: SaveImage) -> None:
    """Files under test are held out; classes and files come in natural order; ids are paths from the root."""
    for name in (
        "train/c10/b.png",
        "train/c9/10.png",
        "train/c9/sub/1.png",
        "train/c9/2.png",
        "test/c10/1.png",
    ):
        save_image(name)
    source = ImageFolder(str(tmp_path))
    assert source.classes == ("c9", "c10")
    assert list(zip(source.table.ids, source.table.labels, source.table.held_out, strict=True)) == [
        ("train/c9/2.png", 0, False),
        ("train/c9/10.png", 0, False),
        ("train/c9/sub/1.png", 0, False),
        ("train/c10/b.png", 1, False),
        ("test/c10/1.png", 1, True),
    ]


def test_drawn_split_is_stratified_and_seeded(tmp_path: Path, save_image: SaveImage) -> None:
    """Without train and test, a share of each class is held out: by the seed, the same at every opening."""
    for number in range(20):
        save_image(f"cat/{number}.png")
        save_image(f"dog/{number}.png")
    first, again, other = (ImageFolder(str(tmp_path), 0.25, seed).table for seed in (0, 0, 1))
    np.testing.assert_array_equal(np.bincount(first.labels[first.held_out]), [5, 5])
    np.testing.assert_array_equal(first.ids, again.ids)
    np.testing.assert_array_equal(first.held_out, again.held_out)
    assert (first.held_out != other.held_out).any()


def test_ids_do_not_depend_on_other_files(tmp_path: Path, save_image: SaveImage) -> None:
    """New images and files that are no images change neither the ids nor the contents of the old samples."""
    for number in range(4):
        save_image(f"cat/{number}.png", shade=number)
    before = ImageFolder(str(tmp_path), 0.5)
    hashes = {sample_id: before.content_hash(row) for row, sample_id in enumerate(before.table.ids)}
    save_image("ant/0.png", shade=200)
    save_image("ant/1.png", shade=201)
    save_image("cat/00.png", shade=202)
    save_image("cat/.hidden.png")
    save_image(".cache/0.png")
    (tmp_path / "cat" / "notes.txt").write_text("no image")
    (tmp_path / "empty").mkdir()

    after = ImageFolder(str(tmp_path), 0.5)
    assert after.classes == ("ant", "cat")
    found = {sample_id: after.content_hash(row) for row, sample_id in enumerate(after.table.ids)}
    assert len(found) == 7
    assert found.items() >= hashes.items()


def test_reads_and_hashes_the_right_file(tmp_path: Path, save_image: SaveImage) -> None:
    """A row's pixels and hash are those of the file that its id names; a file that vanished has a reason."""
    for number in range(4):
        save_image(f"cat/{number}.png", shade=10 * number)
    source = ImageFolder(str(tmp_path), 0.5)
    assert source.table.ids[2] == "cat/2.png"
    assert (source.read(2) == 20).all()
    assert source.content_hash(2) == hashlib.sha256((tmp_path / "cat/2.png").read_bytes()).hexdigest()
    (tmp_path / "cat/2.png").unlink()
    with pytest.raises(UnreadableImage, match="missing"):
        source.read(2)
    with pytest.raises(UnreadableImage, match="No such file"):
        source.content_hash(2)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "no images under"),
        (["loose.png"], "sort the images into one folder per class"),
        (["train/cat/0.png"], "has a folder 'train' alone"),
        (["train/cat/0.png", "test/dog/0.png"], "classes that train lacks: dog"),
        (["cat/0.png", "cat/1.png", "dog/0.png"], "only one sample of dog"),
    ],
)
def test_folders_that_cannot_be_used(tmp_path: Path, save_image: SaveImage, files: list[str], message: str) -> None:
    """What is missing or too small is said when the source is opened."""
    for name in files:
        save_image(name)
    with pytest.raises(DataError, match=message):
        ImageFolder(str(tmp_path), 0.5)


def test_missing_folder(tmp_path: Path) -> None:
    """A wrong root is named."""
    with pytest.raises(DataError, match=r"no folder at .*nowhere"):
        ImageFolder(str(tmp_path / "nowhere"))
