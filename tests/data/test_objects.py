"""Images and their objects on the way to a batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import squares
import tiny
import told
import torch

from alframe.data import ImageData, Transforms
from alframe.errors import ConfigurationError, InvalidInput
from alframe.functional.regions import IGNORED, box_of, class_map, encode_region
from alframe.run import run
from alframe.strategy import Random
from alframe.types import Object, Objects, label_array

FLIPS = [{"HorizontalFlip": {"p": 0.5}}, {"VerticalFlip": {"p": 0.5}}]


def bright(image: torch.Tensor) -> torch.Tensor:
    """The pixels of an image (1, S, S) that belong to a square."""
    return image[0] * 0.3 + 0.3 > 0.5


def test_boxes_and_masks_move_with_their_image() -> None:
    """After random flips a target still says where the bright pixels are, and flips did happen."""
    source = squares.Squares()
    data = ImageData(source, squares.transforms(train=FLIPS), batch_size=24)
    positions = np.arange(len(source.table))
    data.fit_on(positions, source.table.labels, seed=0)
    (batch,) = data.train_dataloader()
    moved = 0
    for image, target, position in zip(batch.images, batch.labels, batch.positions.tolist(), strict=True):
        assert torch.equal(target.classes > 0, bright(image))
        inside = torch.zeros(32, 32, dtype=torch.bool)
        for left, top, right, bottom in target.boxes.round().int().tolist():
            inside[top:bottom, left:right] = True
        assert torch.equal(inside, bright(image))
        known = source.table.labels[position]
        assert sorted(target.labels.tolist()) == sorted(known.labels.tolist())
        moved += not np.array_equal(target.boxes.numpy(), known.boxes.astype(np.float32))
    assert moved > 6


def test_random_steps_do_not_toss_the_same_coin() -> None:
    """Two flips at one in two leave a quarter of the images as they were, and each flip alone happens as often."""
    source = squares.Squares(2)
    data = ImageData(source, squares.transforms(train=FLIPS), batch_size=400)
    data.fit_on(np.ones(400, dtype=np.int64), source.table.labels[np.ones(400, dtype=np.int64)], seed=0)
    (batch,) = data.train_dataloader()
    plain = torch.from_numpy(source.pixels[1, ..., 0] / np.float32(255))
    flips = [plain.flip(axes) for axes in ((), (0,), (1,), (0, 1))]
    counts = [sum(torch.allclose(image[0] * 0.3 + 0.3, flip, atol=1e-3) for image in batch.images) for flip in flips]
    assert sum(counts) == 400
    assert min(counts) > 70


def test_masks_are_drawn_for_those_who_learn_from_them() -> None:
    """A detector has no use for class maps, and may have more classes than these can hold."""
    source = squares.Squares()
    data = ImageData(source, squares.transforms(), batch_size=24, with_masks=False)
    data.fit_on(np.arange(24), source.table.labels, seed=0)
    (batch,) = data.train_dataloader()
    assert all(target.classes.numel() == 0 for target in batch.labels)
    assert any(len(target.boxes) for target in batch.labels)


def test_objects_are_resized_with_their_image() -> None:
    """At twice the size boxes are twice as far, class maps as many times as large, and the batch says what size was."""
    source = squares.Squares()
    data = ImageData(source, squares.transforms(64), batch_size=24)
    data.fit_on(np.arange(len(source.table)), source.table.labels, seed=0)
    (batch,) = data.train_dataloader()
    assert batch.sizes.tolist() == [[32, 32]] * 24
    for target, known in zip(batch.labels, source.table.labels[batch.positions], strict=True):
        np.testing.assert_allclose(target.boxes, 2 * known.boxes, atol=1e-4)
        assert np.array_equal(target.classes, class_map(known, 32, 32).repeat(2, axis=0).repeat(2, axis=1))


def test_equal_seeds_move_objects_alike() -> None:
    """Whoever reads a batch makes the same of it; another seed makes another."""
    source = squares.Squares()
    positions = np.arange(len(source.table))

    def boxes(seed: int) -> list[list[float]]:
        data = ImageData(source, squares.transforms(train=FLIPS), batch_size=7)
        data.fit_on(positions, source.table.labels, seed=seed)
        return [box for batch in data.train_dataloader() for target in batch.labels for box in target.boxes.tolist()]

    assert boxes(1) == boxes(1)
    assert boxes(1) != boxes(2)


def test_predicting_draws_no_objects() -> None:
    """Of images that are only looked at, whatever is known of them, targets are empty and have no class map."""
    data = ImageData(squares.Squares(), squares.transforms())
    data.predict_on(np.arange(5))
    (batch,) = data.predict_dataloader()
    assert all(len(target.boxes) == 0 and target.classes.numel() == 0 for target in batch.labels)


def test_a_cropped_object_is_clipped_or_gone() -> None:
    """A crop to the left half leaves what is left of a box, and nothing of one that lies on the right."""
    left = Object((2, 2, 20, 10), 0, encode_region(np.zeros((32, 32), dtype=np.bool_)))
    right = Object((24, 2, 30, 10), 1, encode_region(np.zeros((32, 32), dtype=np.bool_)))
    crop = [{"Crop": {"x_min": 0, "y_min": 0, "x_max": 16, "y_max": 32}}, {"Resize": {"height": 32, "width": 16}}]
    pad = {"PadIfNeeded": {"min_height": 32, "min_width": 32, "position": "top_left"}}
    data = ImageData(squares.Squares(), squares.transforms(train=[*crop, pad]), batch_size=1)
    data.fit_on(np.array([1]), label_array([Objects((left, right))]), seed=0)
    (batch,) = data.train_dataloader()
    (target,) = batch.labels
    np.testing.assert_allclose(target.boxes, [[2, 2, 16, 10]], atol=1e-3)
    assert target.labels.tolist() == [0]


def test_steps_that_cannot_move_boxes_are_refused() -> None:
    """The message names objects and says what is needed."""
    data = ImageData(squares.Squares(), squares.transforms(train=[{"RandomCrop": {"height": 64, "width": 64}}]))
    data.fit_on(np.array([1]), data.source.table.labels[[1]], seed=0)
    with pytest.raises(ConfigurationError, match="objects"):
        next(iter(data.train_dataloader()))


def test_unknown_classes_are_refused() -> None:
    """A class that the source does not have is named before anything is trained."""
    data = ImageData(squares.Squares(), squares.transforms())
    with pytest.raises(InvalidInput, match=r"labels must lie in 0\.\.1"):
        data.fit_on(np.array([1]), label_array([Objects((Object((0, 0, 4, 4), 2),))]), seed=0)


def test_class_maps_lay_later_objects_over_earlier_and_ignored_ones_over_all() -> None:
    """Worked by hand: three regions that overlap in one row of four pixels."""

    def region(*columns: int) -> np.ndarray:
        pixels = np.zeros((1, 4), dtype=np.bool_)
        pixels[0, list(columns)] = True
        return pixels

    def drawn(label: int, *columns: int, crowd: bool = False) -> Object:
        pixels = region(*columns)
        return Object(box_of(pixels), label, encode_region(pixels), crowd=crowd)

    objects = Objects((drawn(0, 2, 3, crowd=True), drawn(0, 0, 1), drawn(4, 1, 2)))
    assert class_map(objects, 1, 4).tolist() == [[1, 5, IGNORED, IGNORED]]


@pytest.mark.parametrize(
    ("steps", "whole"),
    [
        ([], True),
        ([{"CLAHE": {"p": 1.0}}], True),
        ([{"CenterCrop": {"height": 8, "width": 8}}], False),
        ([{"CLAHE": {"p": 1.0}}, {"HorizontalFlip": {"p": 1.0}}], False),
    ],
)
def test_boxes_need_evaluations_that_move_nothing(tmp_path: Path, steps: list[Any], whole: bool) -> None:
    """What changes colours leaves an object where it is; a crop would put it elsewhere, and a run refuses it."""
    transforms = Transforms(8, 1, [0.0], [1.0], evaluation=steps)
    assert transforms.evaluates_whole_images == whole
    if not whole:
        source = told.Numbered(label_array([Objects()] * 8))
        parts = {"data": source, "learner": lambda *_: told.ToldDetector({}), "strategy": Random()}
        with pytest.raises(ConfigurationError, match=r"transforms\.evaluation=\[\]"):
            run(tiny.parts(**parts, transforms=transforms), tmp_path / "run", tiny.CONFIG)
