from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
import tiny
import torch
from counted import Counted
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from numpy.typing import NDArray
from omegaconf import OmegaConf

from alframe import configuration
from alframe.data import ImageData
from alframe.embeddings import Embedded, FrozenEmbeddings, PixelComponents, PretrainedBackbone
from alframe.errors import ConfigurationError, InvalidInput
from alframe.learner import TorchvisionBackbone, pixel_embeddings, quiet_trainer, torch_seed

CONFIGS = Path(__file__).parents[2] / "configs"
trainer = partial(quiet_trainer, accelerator="cpu")


def make_data(source: tiny.Bars | None = None) -> ImageData:
    return ImageData(source or tiny.Bars(), tiny.transforms(), evaluation_batch_size=32, workers=0)


def agreement(found: Embedded, labels: NDArray[np.int64]) -> float:
    """How often a sample's nearest neighbour has its class."""
    points = np.asarray(found.points)
    distances = ((points[:, None] - points[None]) ** 2).sum(axis=-1)
    np.fill_diagonal(distances, np.inf)
    return float((labels[found.positions[distances.argmin(axis=1)]] == labels[found.positions]).mean())


def test_components_are_those_of_the_pixels(tmp_path: Path) -> None:
    """Distances between the points are those of ``pixel_embeddings``, which keeps nothing in files."""
    data, positions = make_data(), np.arange(5, 45)
    found = PixelComponents(width=8).embed(data, positions, tmp_path, trainer)
    wanted = pixel_embeddings(data, positions, width=8, seed=0).embeddings
    assert wanted is not None
    assert found.points.shape == (40, 8)
    assert (found.points.dtype, isinstance(found.points, np.memmap)) == (np.dtype(np.float32), True)
    np.testing.assert_allclose(np.abs(found.points), np.abs(wanted), atol=1e-3)


def test_components_keep_neighbours(tmp_path: Path) -> None:
    """Without labels or training, an image's nearest neighbour mostly shares its class; chance is a third."""
    data = make_data(tiny.Bars(count=200))
    found = PixelComponents().embed(data, np.arange(200), tmp_path, trainer)
    assert agreement(found, data.source.table.labels) > 0.9


def test_components_of_a_grown_pool_read_only_what_is_new(tmp_path: Path) -> None:
    """The averaged images are kept; the components are fitted again, as if the pool had always been so large."""
    PixelComponents().embed(make_data(Counted(60)), np.arange(40), tmp_path, trainer)
    source = Counted(60)
    grown = PixelComponents().embed(make_data(source), np.arange(60), tmp_path, trainer)
    assert source.reads == list(range(40, 60))
    fresh = PixelComponents().embed(make_data(), np.arange(60), tmp_path / "fresh", trainer)
    np.testing.assert_array_equal(grown.points, fresh.points)


def test_components_are_fitted_to_a_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a pool that is too large; the seed says which, and all samples get a point in blocks."""
    monkeypatch.setattr("alframe.embeddings.pixel_components.FITTED", 10)
    monkeypatch.setattr("alframe.embeddings.pixel_components.BLOCK_ENTRIES", 64 * 7)
    points = [
        PixelComponents(seed=seed).embed(make_data(), np.arange(60), tmp_path, trainer).points for seed in (0, 0, 1)
    ]
    assert points[0].shape == (60, 10)
    np.testing.assert_array_equal(points[0], points[1])
    assert not np.allclose(points[0], points[2])


def test_components_need_two_images(tmp_path: Path) -> None:
    """One readable image has no components."""
    with pytest.raises(InvalidInput, match="need at least 2 images; 1 of 2 can be read"):
        PixelComponents().embed(make_data(Counted(broken=(1,))), np.arange(2), tmp_path, trainer)
    with pytest.raises(ConfigurationError, match=r"embeddings\.width must be at least 1"):
        PixelComponents(width=0)


def test_pretrained_features_are_the_backbones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With torchvision's weights, here made up; another process's second call reads no image."""
    from torchvision.models import ResNet18_Weights, resnet18

    torch.manual_seed(3)
    published = resnet18().state_dict()
    monkeypatch.setattr(ResNet18_Weights, "get_state_dict", lambda _self, **_options: published)
    found = PretrainedBackbone().embed(make_data(), np.arange(20), tmp_path, trainer)
    backbone = TorchvisionBackbone((1, 8, 8), "resnet18", "DEFAULT", small_stem=False).eval()
    images = tiny.transforms().for_evaluation()([tiny.Bars().read(row) for row in range(20)], 0)
    with torch.inference_mode():
        np.testing.assert_allclose(found.points, backbone(images), rtol=1e-3, atol=1e-4)
    source = Counted()
    PretrainedBackbone().embed(make_data(source), np.arange(20), tmp_path, trainer)
    assert source.reads == []


def test_random_features_are_seeded_and_noted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Equal seeds give equal networks, whatever else has been drawn; the log says what they are."""
    points: list[NDArray[np.float32]] = []
    for seed in (0, 0, 1):
        torch.manual_seed(len(points))
        embeddings = PretrainedBackbone(weights=None, small_stem=True, seed=seed)
        with caplog.at_level(logging.WARNING):
            points.append(embeddings.embed(make_data(), np.arange(4), tmp_path, trainer).points)
    np.testing.assert_array_equal(points[0], points[1])
    assert not np.allclose(points[0], points[2])
    assert "resnet18 with random weights" in caplog.text
    with torch_seed(0):
        backbone = TorchvisionBackbone((1, 8, 8), "resnet18", None, small_stem=True).eval()
    images = tiny.transforms().for_evaluation()([tiny.Bars().read(row) for row in range(4)], 0)
    with torch.inference_mode():
        np.testing.assert_allclose(points[0], backbone(images), rtol=1e-3, atol=1e-4)


def test_weights_that_cannot_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a network, and with a wrong name, the error says what to choose."""
    from torchvision.models import ResNet18_Weights

    def unreachable(_self: object, **_options: object) -> None:
        raise URLError("no network")

    monkeypatch.setattr(ResNet18_Weights, "get_state_dict", unreachable)
    with pytest.raises(ConfigurationError, match=r"cannot be downloaded: .*no network.*embeddings=pixels"):
        PretrainedBackbone().embed(make_data(), np.arange(4), tmp_path, trainer)
    with pytest.raises(ConfigurationError, match="did you mean resnet18"):
        PretrainedBackbone(name="resnet8").embed(make_data(), np.arange(4), tmp_path, trainer)


@pytest.mark.parametrize("name", sorted(path.stem for path in (CONFIGS / "embeddings").glob("*.yaml")))
def test_every_choice_builds(name: str, tmp_path: Path) -> None:
    """Each file names arguments that its class takes, of the right type."""
    if name == "self_supervised":
        pytest.importorskip("lightly")
    np.save(tmp_path / "points.npy", np.zeros((4, 2)))
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        config = compose(overrides=[f"+embeddings={name}"]).embeddings
    if name == "file":
        config.path = str(tmp_path / "points.npy")
    plain: Any = OmegaConf.to_container(config, throw_on_missing=True)
    configuration.check({"embeddings": plain}, lambda embeddings: embeddings)
    assert isinstance(instantiate(config, _convert_="all"), FrozenEmbeddings)
