from __future__ import annotations

from functools import partial
from typing import Any, cast

import pytest
import tiny
import torch
from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2.functional import affine, hflip

from alframe.errors import ConfigurationError
from alframe.learner import AugmentedViews, Backbone, Classifier, Network, SmallCNN
from alframe.learner.posterior import ViewDraws, base
from alframe.types import Need

SIDE = 8
IMAGES = torch.randn(6, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
NEEDS: set[Need] = {"samples", "probs", "embeddings"}


class Pixels(Backbone):
    """The pixels themselves, so that the network is a linear model."""

    width = SIDE * SIDE

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1)


def make(posterior: AugmentedViews | None = None, **changes: Any) -> Classifier:
    torch.manual_seed(0)
    options = {"backbone": lambda _shape: Pixels(), "posterior": posterior or AugmentedViews()} | changes
    classifier: Classifier = tiny.learner(**options)((1, SIDE, SIDE), 3)
    return classifier.eval()


def drawn(classifier: Classifier, seed: int = 0) -> ViewDraws:
    return cast("ViewDraws", classifier.draws(torch.Generator().manual_seed(seed)))


def moved(right: int = 0, down: int = 0, mirror: int = 1) -> list[list[float]]:
    """The affine map under which a view shows the image so many pixels further on."""
    return [[mirror, 0, -2 * right / SIDE], [0, 1, -2 * down / SIDE]]


@torch.inference_mode()
def test_a_linear_model_of_an_impulse_reads_the_shifted_weight() -> None:
    """An impulse at (3, 4), seen 2 further right and 1 further down, has the logits of the weights at (4, 6)."""
    classifier = make()
    network = cast("Network", classifier.networks[0])
    layer = cast("torch.nn.Linear", network.head.layers[0])
    weights = layer.weight.reshape(3, SIDE, SIDE)
    impulse = torch.zeros(1, 1, SIDE, SIDE)
    impulse[0, 0, 3, 4] = 1
    draws = ViewDraws([network], torch.tensor([moved(right=2, down=1), moved(right=-3), moved(mirror=-1)]))
    logits = draws.logits(draws.trunk(impulse))[0] - layer.bias
    for t, (row, column) in enumerate([(3, 4), (4, 6), (3, 1), (3, 3)]):
        torch.testing.assert_close(logits[t], weights[:, row, column], atol=1e-5, rtol=0)


@torch.inference_mode()
def test_draws_are_the_network_on_each_view() -> None:
    """Mean and spread are those of explicit views; the first is the image as it is, and so are the embeddings."""
    classifier = make(AugmentedViews(6, shift=0.2, rotation=30), backbone=SmallCNN)
    network = cast("Network", classifier.networks[0])
    draws = drawn(classifier)
    found = classifier.outputs(IMAGES, draws, NEEDS)
    views = [IMAGES]
    for view in draws._views:
        grid = torch.nn.functional.affine_grid(view.expand(6, 2, 3), [6, 1, SIDE, SIDE], align_corners=False)
        views.append(torch.nn.functional.grid_sample(IMAGES, grid, padding_mode="border", align_corners=False))
    explicit = torch.stack([network(view).softmax(dim=-1) for view in views], dim=1)
    torch.testing.assert_close(found["samples"], explicit)
    torch.testing.assert_close(found["probs"], explicit.mean(dim=1))
    torch.testing.assert_close(found["samples"].std(dim=1), explicit.std(dim=1))
    torch.testing.assert_close(found["embeddings"], network.head.embed(network.backbone(IMAGES)))


@torch.inference_mode()
def test_rotations_and_shifts_are_torchvisions() -> None:
    """Away from the edge a random view is what torchvision's affine transform gives for the same angle and shift."""
    y, x = torch.meshgrid(*[torch.linspace(-1, 1, 32)] * 2, indexing="ij")
    image = torch.exp(-8 * ((x - 0.2) ** 2 + (y + 0.1) ** 2 * 3))[None, None]
    draws = drawn(make(AugmentedViews(5, shift=0.1, rotation=40, flip=True)))
    seen = draws._seen(image, draws._views)[0]
    mirrored = 0
    for view, map_ in zip(seen, draws._views, strict=True):
        flips = bool(torch.linalg.det(map_[:, :2]) < 0)
        mirrored += flips
        angle = torch.rad2deg(torch.atan2(-map_[0, 1], map_[1, 1])).item()
        # torchvision moves the image, ours moves where the view looks: the inverse, the shift before the rotation.
        shift = -torch.linalg.inv(map_[:, :2] * torch.tensor([-1.0 if flips else 1.0, 1.0])) @ map_[:, 2] * 16
        expected = affine(
            image[0],
            angle=-angle,
            translate=cast("Any", shift.tolist()),
            scale=1,
            shear=[0, 0],
            interpolation=InterpolationMode.BILINEAR,
        )
        expected = hflip(expected) if flips else expected
        torch.testing.assert_close(view[:, 8:-8, 8:-8], expected[:, 8:-8, 8:-8], atol=0.03, rtol=0)
    assert 0 < mirrored < 4


def test_views_keep_within_their_bounds() -> None:
    """Over many views angles and shifts fill their ranges, and without ``flip`` none is mirrored."""
    maps = drawn(make(AugmentedViews(2000, shift=0.25, rotation=20)))._views
    angles = torch.rad2deg(torch.atan2(maps[:, 1, 0], maps[:, 0, 0]))
    assert 19 < angles.max().item() <= 20.001
    assert -20.001 <= angles.min().item() < -19
    assert 0.49 < maps[:, :, 2].abs().max().item() <= 0.5
    torch.testing.assert_close(torch.linalg.det(maps[:, :, :2]), torch.ones(1999))


@torch.inference_mode()
def test_views_are_the_same_for_every_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """Alone or in a batch, all views at once or one by one: the same draws; another seed gives others."""
    together = drawn(make())
    logits = together.logits(together.trunk(IMAGES))
    monkeypatch.setattr(base, "AT_ONCE", 1)
    alone, other = drawn(make()), drawn(make(), seed=1)
    torch.testing.assert_close(torch.cat([alone.logits(alone.trunk(image[None])) for image in IMAGES]), logits)
    assert not torch.allclose(other.logits(other.trunk(IMAGES)), logits)
    assert torch.equal(other.logits(other.trunk(IMAGES))[:, 0], logits[:, 0])


@pytest.mark.parametrize(
    ("posterior", "message"),
    [
        (partial(AugmentedViews, 1), "at least 2 draws"),
        (partial(AugmentedViews, shift=-0.1), r"shift must lie in \[0, 1\], got -0\.1"),
        (partial(AugmentedViews, rotation=200), r"rotation must lie in \[0, 180\], got 200"),
        (partial(AugmentedViews, shift=0, rotation=0), "nothing to vary"),
    ],
)
def test_impossible_views_are_refused(posterior: Any, message: str) -> None:
    """The message names the key of the configuration."""
    with pytest.raises(ConfigurationError, match=message):
        posterior()
