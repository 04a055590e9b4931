"""Annotation files as a source: what is refused, set aside, held out, and what a learner gets of it."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from alframe import progress
from alframe.data import (
    CocoSource,
    CvatSource,
    ImageData,
    MaskSource,
    Source,
    Target,
    Transforms,
    VocSource,
    YoloSource,
)
from alframe.data.formats import AnnotatedImage, Annotations, write_coco, write_cvat, write_masks, write_voc, write_yolo
from alframe.errors import DataError, UnreadableImage
from alframe.functional.regions import box_of, encode_region
from alframe.types import UNLABELLED, Object, Objects

SIZE = (40, 50)
FLIPPED = Transforms(
    image_size=40, channels=3, mean=[0.5] * 3, std=[0.5] * 3, train=[{"HorizontalFlip": {"p": 1.0}}], evaluation=[]
)


def save_set(folder: Path, images: str, count: int = 12) -> Annotations:
    """Images with one bright block each, which is the object; every fourth is empty."""
    found = []
    (folder / images).mkdir(parents=True)
    for row in range(count):
        pixels = np.zeros(SIZE, dtype=np.bool_)
        if row % 4 != 3:
            pixels[5 + row : 20 + row, 10:20] = True
        PIL.Image.fromarray(pixels.astype(np.uint8) * 255).save(folder / images / f"{row}.png")
        drawn = (Object(box_of(pixels), row % 4 % 2, encode_region(pixels)),) if pixels.any() else ()
        found.append(AnnotatedImage(f"{row}.png", SIZE, Objects(drawn), f"camera {row % 2}"))
    return Annotations(folder / images, ("pit", "scratch"), tuple(found))


def make_coco(folder: Path, **options: Any) -> Source:
    write_coco(save_set(folder, "images"), folder)
    return CocoSource(str(folder / "images"), str(folder / "annotations/train.json"), **options)


def make_cvat(folder: Path, **options: Any) -> Source:
    write_cvat(save_set(folder, "images"), folder)
    return CvatSource(str(folder / "images"), str(folder / "annotations.xml"), **options)


def make_voc(folder: Path, **options: Any) -> Source:
    write_voc(save_set(folder, "JPEGImages"), folder)
    return VocSource(str(folder), **options)


def make_yolo(folder: Path, **options: Any) -> Source:
    write_yolo(save_set(folder, "images"), folder)
    return YoloSource(str(folder), **options)


def make_masks(folder: Path, **options: Any) -> Source:
    write_masks(save_set(folder, "images"), folder)
    return MaskSource(str(folder), **options)


MAKERS = {"coco": make_coco, "cvat": make_cvat, "voc": make_voc, "yolo": make_yolo, "masks": make_masks}
Make = Callable[..., Source]


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@pytest.mark.parametrize("training", [False, True])
def test_targets_lie_on_what_the_image_shows(tmp_path: Path, make: Make, training: bool) -> None:
    """In every batch, flipped or not, boxes and classes of pixels are where the bright block is."""
    source = make(tmp_path)
    data = ImageData(source, FLIPPED, batch_size=12, workers=0)
    rows = np.arange(len(source.table))
    data.fit_on(rows, source.table.labels, validation=rows, seed=0)
    loader: Any = data.train_dataloader() if training else data.val_dataloader()
    (batch,) = loader
    assert batch.images.shape == (12, 3, 40, 40)
    assert batch.sizes.tolist() == [list(SIZE)] * 12
    for image, target, position in zip(batch.images, batch.labels, batch.positions.tolist(), strict=True):
        assert isinstance(target, Target)
        assert target.labels.tolist() == source.table.labels[position].labels.tolist()
        bright = (image[0] > 0).numpy()
        np.testing.assert_allclose(target.boxes.reshape(-1), box_of(bright) if bright.any() else [], atol=1.01)
        if source.has_masks:
            shown = target.classes.numpy() > 0
            assert (shown != bright).mean() < 0.02
        else:
            assert target.classes.shape == (0, 0)


@pytest.mark.parametrize("name", MAKERS)
def test_only_formats_of_masks_have_masks(tmp_path: Path, name: str) -> None:
    """Ids are paths, groups come where the format has them, and content hashes are of the files."""
    source = MAKERS[name](tmp_path)
    assert source.has_masks == (name != "voc")
    assert set(source.table.ids.tolist()) == {f"{row}.png" for row in range(12)}
    assert (source.table.groups != "").all() == (name == "coco")
    assert len({source.content_hash(row) for row in range(12)}) == 10  # the empty ones are the same
    assert source.read(0).shape == (*SIZE, 1)


def test_one_object_without_a_mask_is_named(tmp_path: Path) -> None:
    """A segmenter cannot have the set then, and whoever made it wants to know which image to mend."""
    write_coco(save_set(tmp_path, "images"), tmp_path)
    file = tmp_path / "annotations/train.json"
    content = json.loads(file.read_text())
    for entry in content["annotations"][5:7]:
        del entry["segmentation"]
    file.write_text(json.dumps(content))
    source = CocoSource(str(tmp_path / "images"), str(file))
    assert not source.has_masks
    assert source.lacking_masks() == "2 of 9 objects without a mask, the first in 6.png"
    assert make_voc(tmp_path / "voc").lacking_masks() == "boxes only"


def test_the_draw_is_seeded_and_stratified(tmp_path: Path) -> None:
    """A share of each class and of the empty images is held out; the seed says which."""
    write_coco(save_set(tmp_path, "images", 40), tmp_path)
    root, file = str(tmp_path / "images"), str(tmp_path / "annotations/train.json")
    table = CocoSource(root, file, held_out=0.2).table
    kinds = np.array([tuple(objects.labels.tolist()) or (UNLABELLED,) for objects in table.labels])[:, 0]
    assert [int(table.held_out[kinds == kind].sum()) for kind in (UNLABELLED, 0, 1)] == [2, 4, 2]
    np.testing.assert_array_equal(table.held_out, CocoSource(root, file, held_out=0.2).table.held_out)
    assert (table.held_out != CocoSource(root, file, held_out=0.2, split_seed=1).table.held_out).any()


def test_a_second_file_says_what_is_held_out(tmp_path: Path) -> None:
    """Then nothing is drawn."""
    whole = save_set(tmp_path, "images")
    images = tuple(
        AnnotatedImage(image.path, image.size, image.objects, held_out=image.path in {"3.png", "7.png"})
        for image in whole.images
    )
    write_coco(Annotations(whole.root, whole.classes, images), tmp_path)
    files = tmp_path / "annotations"
    source = CocoSource(str(tmp_path / "images"), str(files / "train.json"), str(files / "test.json"))
    assert source.table.ids[source.table.held_out].tolist() == ["3.png", "7.png"]


def spoil(folder: Path, count: int) -> None:
    """Give the first ``count`` images a line that is none."""
    for row in range(count):
        with (folder / f"labels/{row}.txt").open("a") as file:
            file.write("9 0 0 0 0\n")


def test_bad_annotations_are_refused_with_the_list(tmp_path: Path) -> None:
    """The first 20 by file and line, how many more, and what to do."""
    write_yolo(save_set(tmp_path, "images", 24), tmp_path)
    spoil(tmp_path, 23)
    with pytest.raises(DataError, match="has 23 bad annotations:") as said:
        YoloSource(str(tmp_path))
    _, *lines, more, advice = str(said.value).splitlines()
    assert len(lines) == 20
    assert all(re.search(r"labels/\d+\.txt, line [12]: there is no class '9'", line) for line in lines)
    assert more == "  ... and 3 more"
    assert advice.endswith("data.on_bad=set_aside")


def test_set_aside_images_cannot_be_read_and_have_no_label(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are counted on the screen and named in the log; a run finds them unreadable, and why."""
    lines: list[str] = []
    monkeypatch.setattr(progress.console, "print", lambda *words: lines.append(" ".join(words)))
    write_yolo(save_set(tmp_path, "images"), tmp_path)
    spoil(tmp_path, 2)
    (tmp_path / "images/5.png").unlink()
    with caplog.at_level(logging.WARNING, logger="alframe"):
        source = YoloSource(str(tmp_path), on_bad="set_aside")
    aside = np.flatnonzero(~source.table.known)
    assert source.table.ids[aside].tolist() == ["0.png", "1.png", "5.png"]
    assert not source.table.held_out[aside].any()
    assert "3 of 12 images are set aside" in " ".join(lines)
    assert len(caplog.records) == 3
    with pytest.raises(UnreadableImage, match=r"set aside: .*labels/0\.txt, line \d: there is no class"):
        source.read(0)
    data = ImageData(source, FLIPPED, workers=0)
    assert data.inspect(np.arange(12)).keys() == set(aside.tolist())


def test_regions_without_a_class_are_ignored_in_training(tmp_path: Path) -> None:
    """Masks may say of pixels only that they are to be passed over."""
    save_set(tmp_path, "images", 4)
    (tmp_path / "masks").mkdir()
    for row in range(4):
        PIL.Image.fromarray(np.full(SIZE, [0, 1, 255, 0][row], dtype=np.uint8)).save(tmp_path / f"masks/{row}.png")
    source = MaskSource(str(tmp_path), {1: "pit"}, held_out=0.5)
    data = ImageData(source, FLIPPED, workers=0)
    data.fit_on(np.arange(4), source.table.labels, seed=0)
    (batch,) = data.train_dataloader()
    by_row = dict(zip(batch.positions.tolist(), batch.labels, strict=True))
    assert [by_row[row].classes.unique().tolist() for row in range(4)] == [[0], [1], [255], [0]]
    assert by_row[2].ignored.tolist() == [True]


def test_sources_that_cannot_be_opened(tmp_path: Path) -> None:
    """No folder, and too few images to hold some out."""
    with pytest.raises(DataError, match="no folder at"):
        VocSource(str(tmp_path / "nowhere"))
    (tmp_path / "a.json").write_text(
        json.dumps({"images": [], "annotations": [], "categories": [{"id": 1, "name": "pit"}]})
    )
    with pytest.raises(DataError, match="lists no images"):
        CocoSource(str(tmp_path), str(tmp_path / "a.json"))
