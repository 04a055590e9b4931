"""Images to tensors, and the configuration files that say how."""

from __future__ import annotations

import importlib
import pickle
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import albumentations
import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from numpy.typing import NDArray

from alframe.data import Transforms
from alframe.errors import ConfigurationError

CONFIGS = Path(__file__).parents[2] / "configs"
NAMES = sorted(path.stem for path in (CONFIGS / "data").glob("*.yaml"))
CROP_AND_FLIP: list[dict[str, dict[str, Any]]] = [
    {"PadIfNeeded": {"min_height": 40, "min_width": 40}},
    {"RandomCrop": {"height": 32, "width": 32}},
    {"HorizontalFlip": {"p": 0.5}},
]


def some_images(count: int, *shape: int) -> list[NDArray[np.uint8]]:
    """Noise, different for each image and read-only as sources give it."""
    images = np.random.default_rng(0).integers(0, 256, (count, *shape), dtype=np.uint8)
    images.flags.writeable = False
    return list(images)


def test_without_steps_only_the_scale_changes() -> None:
    """An image of the right size is (pixel / 255 - mean) / std, channel by channel, planes first."""
    mean, std = [0.1, 0.2, 0.3], [0.5, 0.25, 0.2]
    images = some_images(4, 8, 8, 3)
    tensor = Transforms(8, 3, mean, std).for_evaluation()(images, seed=0)
    expected = ((np.stack(images) / 255 - mean) / std).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(tensor.numpy(), expected, rtol=1e-5, atol=1e-6)
    assert tensor.dtype == torch.float32
    assert tensor.is_contiguous()


def test_no_images_make_an_empty_batch() -> None:
    """A batch in which nothing could be read still has the shape of a batch."""
    assert Transforms(8, 3, [0.5] * 3, [1.0] * 3).for_training()([], seed=0).shape == (0, 3, 8, 8)


def test_grey_and_colour_meet() -> None:
    """Grey is repeated in three channels; colour becomes its luminance (ITU-R 601)."""
    grey = np.full((8, 8, 1), 40, dtype=np.uint8)
    red = np.zeros((8, 8, 3), dtype=np.uint8)
    red[..., 0] = 200
    in_colour = Transforms(8, 3, [0.0] * 3, [1.0] * 3).for_evaluation()([grey, red], seed=0) * 255
    np.testing.assert_allclose(in_colour[0], 40, rtol=1e-6)
    np.testing.assert_allclose(in_colour[1, 0], 200, rtol=1e-6)
    in_grey = Transforms(8, 1, [0.0], [1.0]).for_evaluation()([grey, red], seed=0) * 255
    np.testing.assert_allclose(in_grey[0], 40, rtol=1e-6)
    np.testing.assert_allclose(in_grey[1], 0.299 * 200, atol=1)


def test_shrinking_averages() -> None:
    """An image four times too large is averaged over blocks: fine stripes turn grey and do not alias."""
    stripes = np.zeros((32, 32, 1), dtype=np.uint8)
    stripes[:, ::2] = 200
    tensor = Transforms(8, 1, [0.0], [1.0]).for_evaluation()([stripes], seed=0) * 255
    np.testing.assert_allclose(tensor, 100, atol=1)


def test_seed_alone_decides() -> None:
    """A seed repeats its batch exactly, whatever was transformed before; another seed gives another one."""
    pipeline = Transforms(32, 3, [0.5] * 3, [0.2] * 3, train=CROP_AND_FLIP).for_training()
    images = some_images(16, 32, 32, 3)
    first, other, again = (pipeline(images, seed) for seed in (1, 2, 1))
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    assert not torch.equal(first, other)
    copy = pickle.loads(pickle.dumps(pipeline))  # noqa: S301 (it was pickled here)
    torch.testing.assert_close(copy(images, 1), first, rtol=0, atol=0)


def test_steps_draw_independently() -> None:
    """Two flips with p = 0.5 meet in a quarter of the images: one step's draws do not fix another's."""
    image = np.arange(4, dtype=np.uint8).reshape(2, 2, 1)
    flips: list[dict[str, dict[str, Any]]] = [{"HorizontalFlip": {"p": 0.5}}, {"VerticalFlip": {"p": 0.5}}]
    tensor = Transforms(2, 1, [0.0], [1.0], train=flips).for_training()([image] * 4000, seed=0)
    corners = (tensor[:, 0, 0, 0] * 255).round().long()
    np.testing.assert_allclose(torch.bincount(corners) / 4000, 0.25, atol=0.03)


def test_evaluation_has_its_own_steps() -> None:
    """Training steps do not touch evaluation."""
    transforms = Transforms(32, 3, [0.5] * 3, [0.2] * 3, train=CROP_AND_FLIP)
    images = some_images(4, 32, 32, 3)
    plain = Transforms(32, 3, [0.5] * 3, [0.2] * 3).for_evaluation()(images, seed=0)
    torch.testing.assert_close(transforms.for_evaluation()(images, seed=0), plain, rtol=0, atol=0)
    assert not torch.equal(transforms.for_training()(images, seed=0), plain)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ({"HorizontlFlip": {}}, "no transform 'HorizontlFlip'; did you mean HorizontalFlip"),
        ({"OneOf": {"transforms": []}}, "no transform 'OneOf'"),
        ({"HorizontalFlip": {"probability": 1}}, "HorizontalFlip refuses .*'probability' are not valid"),
        ({"RandomCrop": {"height": 0, "width": 4}}, "RandomCrop refuses .*height: Input should be greater"),
        ({"RandomCrop": {"height": 4}}, "RandomCrop refuses .*width: Field required; it takes height, width"),
        ({"HorizontalFlip": {}, "VerticalFlip": {}}, "one transform with its arguments is a step"),
    ],
)
def test_wrong_steps_are_refused_when_built(step: dict[str, dict[str, Any]], message: str) -> None:
    """A mistake in the configuration stops the run before it starts, with the right name beside it."""
    with pytest.raises(ConfigurationError, match=message):
        Transforms(8, 1, [0.5], [0.5], train=[step])


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ({"CenterCrop": {"height": 64, "width": 64}}, r"CenterCrop cannot be applied .*\(8, 8, 1\)"),
        ({"Normalize": {"mean": 0.5, "std": 0.5}}, "Normalize makes float32 .* must keep uint8"),
    ],
)
def test_steps_that_do_not_fit_are_named(step: dict[str, dict[str, Any]], message: str) -> None:
    """A step that fails on an image, or leaves uint8, is named with the image's shape."""
    pipeline = Transforms(8, 1, [0.5], [0.5], train=[step]).for_training()
    with pytest.raises(ConfigurationError, match=message):
        pipeline(some_images(1, 8, 8, 1), seed=0)


@pytest.mark.parametrize(
    ("size", "mean", "std"),
    [(0, [0.5], [0.5]), (8, [0.5] * 3, [0.5]), (8, [0.5], [0.5] * 3), (8, [0.5], [0.0])],
)
def test_wrong_numbers_are_refused(size: int, mean: list[float], std: list[float]) -> None:
    """Mean and std have one value per channel, std is positive, and an image has pixels."""
    with pytest.raises(ConfigurationError, match=r"transforms\.(image_size|mean)"):
        Transforms(size, 1, mean, std)


def test_nothing_is_asked_of_the_internet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Albumentations looks for a newer release when it is imported, but not under the setting made here."""
    ask = Mock(return_value="")
    monkeypatch.setattr("albumentations.check_version.fetch_version_info", ask)
    importlib.reload(albumentations)
    ask.assert_not_called()
    monkeypatch.delenv("NO_ALBUMENTATIONS_UPDATE")
    importlib.reload(albumentations)
    ask.assert_called_once()


def test_every_data_set_has_its_transforms() -> None:
    """The default ``transforms=${data}`` finds a file for every choice of data."""
    assert sorted(path.stem for path in (CONFIGS / "transforms").glob("*.yaml")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_configuration_gives_the_stated_shape(name: str) -> None:
    """Each file builds, and images of several sizes and channels come out as it says, both ways."""
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        config = compose(f"transforms/{name}").transforms
    transforms = instantiate(config, _convert_="all")
    expected = (2, config.channels, config.image_size, config.image_size)
    images = [*some_images(1, 32, 32, 3), *some_images(1, 300, 200, 1)]
    for pipeline in (transforms.for_training(), transforms.for_evaluation()):
        tensor = pipeline(images, seed=0)
        assert tensor.shape == expected
        assert tensor.isfinite().all()
