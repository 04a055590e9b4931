from __future__ import annotations

from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from counted import Counted

from alframe.data import ImageData, Transforms
from alframe.embeddings import SelfSupervised
from alframe.embeddings.views import Views
from alframe.errors import ConfigurationError, InvalidInput, RunConflict
from alframe.learner import SmallCNN, TorchvisionBackbone, load_weights, quiet_trainer, torch_seed
from alframe.types import Objects, label_array

trainer = partial(quiet_trainer, accelerator="cpu")
trained = pytest.mark.skipif(find_spec("lightly") is None, reason="the extra selfsupervised is not installed")


def make_data(source: tiny.Bars | None = None, transforms: Transforms | None = None) -> ImageData:
    source = source or tiny.Bars()
    return ImageData(source, transforms or tiny.transforms(), batch_size=32, evaluation_batch_size=32, workers=0)


def make(**changes: Any) -> SelfSupervised:
    options: dict[str, Any] = {"backbone": SmallCNN, "epochs": 1, "crop": 0.7, "flip": False}
    return SelfSupervised(**(options | changes))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_views_are_seeded_and_differ() -> None:
    """Equal generators give equal views; two views of one image, and views of equal images in a batch, differ."""
    views, images = Views(crop=0.2, flip=True, jitter=0.4), torch.randn(1, 3, 16, 16).repeat(4, 1, 1, 1)
    one, again, other = views(images, generator()), views(images, generator()), views(images, generator(1))
    assert one.shape == images.shape
    torch.testing.assert_close(one, again)
    assert not torch.allclose(one, other)
    assert not torch.allclose(one[0], one[1])


def test_a_view_is_a_piece_of_its_image() -> None:
    """Crops of a ramp are ramps, less steep by the share of the side that they show, and none leaves the image."""
    ramp = torch.linspace(0, 1, 64).expand(200, 1, 64, 64)
    views = Views(crop=0.25, flip=False, jitter=0.0)(ramp, generator())
    spans = views[:, 0, :, -2].mean(dim=1) - views[:, 0, :, 1].mean(dim=1)
    assert (spans > 0).all()
    assert 0.4 < spans.min() < 0.55
    assert 0.9 < spans.max() < 1.01
    assert views.min() >= 0
    assert views.max() <= 1
    flipped = Views(crop=0.25, flip=True, jitter=0.0)(ramp, generator())
    falling = (flipped[:, 0, :, -2].mean(dim=1) < flipped[:, 0, :, 1].mean(dim=1)).float().mean()
    assert 0.4 < falling < 0.6


def test_some_colour_images_lose_their_colours() -> None:
    """One in five; the others keep three channels that differ."""
    views = Views(crop=1.0, flip=False, jitter=0.2)(torch.randn(500, 3, 4, 4), generator())
    grey = (views.std(dim=1).amax(dim=(1, 2)) < 1e-5).float().mean()
    assert 0.14 < grey < 0.26


@trained
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_loss_is_the_papers() -> None:
    """Lightly's NT-Xent equals formula 1 of Chen et al. 2020, written out in a loop."""
    from lightly.loss import NTXentLoss

    z = torch.randn(10, 6, dtype=torch.float64, generator=generator())
    similar = torch.nn.functional.cosine_similarity(z[:, None], z[None], dim=2)
    losses = []
    for i in range(10):
        j = (i + 5) % 10
        others = sum(torch.exp(similar[i, k] / 0.3) for k in range(10) if k != i)
        losses.append(-torch.log(torch.exp(similar[i, j] / 0.3) / others))
    torch.testing.assert_close(NTXentLoss(0.3)(z[:5], z[5:]), torch.stack(losses).mean())


@trained
def test_training_brings_views_of_one_image_together(tmp_path: Path) -> None:
    """After a short training a view's nearest other view is oftener of the same image than before."""
    data = make_data(tiny.Bars(count=128))
    images = tiny.transforms().for_evaluation()([data.source.read(row) for row in range(3, 128, 4)], 0)
    draw = Views(crop=0.7, flip=False, jitter=0.4)
    pair = [draw(images, generator(seed)) for seed in (0, 1)]
    make(epochs=40).embed(data, np.arange(4), tmp_path, trainer)
    (weights,) = tmp_path.glob("SelfSupervised-training-*/*/weights.safetensors")
    with torch_seed(0):
        before, after = SmallCNN((1, 8, 8)).eval(), SmallCNN((1, 8, 8)).eval()
    load_weights(after, weights)
    hits = []
    for backbone in (before, after):
        with torch.inference_mode():
            one, other = (torch.nn.functional.normalize(backbone(view)) for view in pair)
        hits.append(((one @ other.T).argmax(dim=1) == torch.arange(len(images))).float().mean())
    assert hits[1] > hits[0] + 0.05


@trained
def test_neighbours_share_classes(tmp_path: Path) -> None:
    """After a short training an image's nearest neighbour has its class far oftener than one time in three."""
    data = make_data(tiny.Bars(count=200))
    found = make(epochs=5).embed(data, np.arange(200), tmp_path, trainer)
    points, labels = np.asarray(found.points), data.source.table.labels
    distances = ((points[:, None] - points[None]) ** 2).sum(axis=-1)
    np.fill_diagonal(distances, np.inf)
    assert (labels[distances.argmin(axis=1)] == labels).mean() > 0.7


@trained
def test_it_makes_no_difference_what_people_said_of_the_images(tmp_path: Path) -> None:
    """Images with objects are embedded as the same images with classes."""
    classes, objects = tiny.Bars(20), tiny.Bars(20)
    objects.table = replace(objects.table, labels=label_array([None, Objects()] * 10))
    one, other = (
        make().embed(make_data(source), np.arange(20), tmp_path / name, trainer).points
        for name, source in (("classes", classes), ("objects", objects))
    )
    np.testing.assert_array_equal(one, other)


@trained
def test_a_grown_pool_keeps_its_network(tmp_path: Path) -> None:
    """It trains once: the same call reads nothing, a grown pool what is new, one that lost an image trains anew."""
    first = make().embed(make_data(Counted(40)), np.arange(40), tmp_path, trainer)
    source = Counted(40)
    again = make().embed(make_data(source), np.arange(20), tmp_path, trainer)
    assert source.reads == []
    np.testing.assert_array_equal(again.points, first.points[:20])
    source = Counted(60)
    source.pixels[:40] = Counted(40).pixels
    grown = make().embed(make_data(source), np.arange(60), tmp_path, trainer)
    assert source.reads == list(range(40, 60))
    np.testing.assert_array_equal(grown.points[:40], first.points)
    source = Counted(40)
    source.pixels[0] = 7
    changed = make().embed(make_data(source), np.arange(40), tmp_path, trainer)
    assert len(source.reads) > 40
    assert not np.allclose(changed.points[1:], first.points[1:])


@trained
def test_training_is_seeded(tmp_path: Path) -> None:
    """Two caches hold the same points for one seed, and others for another seed or other views."""
    points: dict[str, Any] = {}
    for name, changes in (("a", {}), ("b", {}), ("c", {"seed": 1}), ("d", {"crop": 0.5})):
        torch.manual_seed(len(points))
        points[name] = make(**changes).embed(make_data(), np.arange(60), tmp_path / name, trainer).points
    np.testing.assert_array_equal(points["a"], points["b"])
    assert not np.allclose(points["a"], points["c"])
    assert not np.allclose(points["a"], points["d"])


@trained
def test_held_out_samples_are_not_learnt_from(tmp_path: Path) -> None:
    """They have points, but no view of them is made."""
    source = Counted()
    make().embed(make_data(source), np.arange(0), tmp_path, trainer)
    assert set(source.reads) == set(np.flatnonzero(~source.table.held_out).tolist())


@trained
def test_unreadable_images_and_batches_of_one(tmp_path: Path) -> None:
    """What cannot be read is passed over; where nothing is left to compare, the error says so and nothing is kept."""
    data = make_data(Counted(broken=(0, 1, 2)))
    assert len(make().embed(data, np.arange(60), tmp_path, trainer)) == 57
    with pytest.raises(InvalidInput, match="ended with a loss of nan"):
        make().embed(make_data(Counted(8, broken=(0, 1, 2, 4, 5))), np.arange(8), tmp_path / "one", trainer)
    assert list((tmp_path / "one").glob("*/*/*")) == []
    with pytest.raises(InvalidInput, match="at least 2 images, got 1"):
        make().embed(make_data(Counted(1)), np.arange(1), tmp_path / "one", trainer)


@trained
def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    """They are named, and are never unpickled."""
    make().embed(make_data(), np.arange(4), tmp_path, trainer)
    (weights,) = tmp_path.glob("SelfSupervised-training-*/*/weights.safetensors")
    weights.write_bytes(b"no weights")
    with pytest.raises(RunConflict, match=r"weights\.safetensors does not hold weights"):
        make().embed(make_data(), np.arange(4), tmp_path, trainer)


@trained
def test_other_backbones_learn_too(tmp_path: Path) -> None:
    """One from torchvision, with batch normalisation."""
    backbone = partial(TorchvisionBackbone, name="mobilenet_v3_small")
    found = make(backbone=backbone).embed(make_data(), np.arange(8), tmp_path, trainer)
    assert found.points.shape == (8, 1024)
    assert np.isfinite(found.points).all()


@trained
@pytest.mark.parametrize(
    ("name", "value"),
    [("epochs", 0), ("learning_rate", 0.0), ("temperature", 0.0), ("projection", 0), ("crop", 0.0), ("jitter", 1.0)],
)
def test_wrong_numbers_are_refused(name: str, value: float) -> None:
    """By the name that a configuration gives them."""
    with pytest.raises(ConfigurationError, match=rf"embeddings\.{name} must be"):
        make(**{name: value})


def test_without_lightly_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """When it is built, before anything is computed."""
    monkeypatch.setattr("alframe.embeddings.self_supervised.find_spec", lambda _name: None)
    with pytest.raises(ConfigurationError, match=r"pip install 'alframe\[selfsupervised\]'"):
        make()
