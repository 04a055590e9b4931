"""Test-time augmentation: the same network on several views of an image."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from alframe.errors import ConfigurationError
from alframe.learner.network import Network
from alframe.learner.posterior.base import Draws, Posterior, some_at_once


class AugmentedViews(Posterior):
    """One network on T views of each image, the same T for every image; the first view is the image as it is.

    Where views are told apart, the network depends on what should not matter (Ayhan and Berens 2018; Wang et al. 2019):
    this is about the image more than about the weights. It needs nothing of training, and T passes for each image.
    Choose views that leave the class what it is: a turned 6 is a 9, a mirrored b is a d.

    Args:
        draws: T.
        shift: largest shift along each side, as a share of the side.
        rotation: largest rotation either way, in degrees.
        flip: whether every view but the first is mirrored left to right by the toss of a coin.
    """

    def __init__(self, draws: int = 8, shift: float = 0.1, rotation: float = 10.0, flip: bool = False) -> None:
        if draws < 2:
            raise ConfigurationError(
                f"test-time augmentation needs at least 2 draws, got learner.posterior.draws={draws}"
            )
        for name, value, most in (("shift", shift, 1), ("rotation", rotation, 180)):
            if not 0 <= value <= most:
                raise ConfigurationError(f"learner.posterior.{name} must lie in [0, {most}], got {value}")
        if shift == rotation == 0 and not flip:
            raise ConfigurationError(
                "test-time augmentation has nothing to vary: set learner.posterior.shift, rotation or flip"
            )
        self._draws = draws
        self._shift = shift
        self._rotation = rotation
        self._flip = flip

    def draws(self, networks: Sequence[Network], generator: torch.Generator) -> Draws:
        """The networks on T - 1 random views, after the image as it is."""
        return ViewDraws(networks, self._views(generator))

    def _views(self, generator: torch.Generator) -> Tensor:
        """Affine maps (T - 1, 2, 3) from places in the view to places in the image, in [-1, 1] along each side."""
        count = self._draws - 1
        angles = math.radians(self._rotation) * (2 * torch.rand(count, generator=generator) - 1)
        shifts = 2 * self._shift * (2 * torch.rand(count, 2, generator=generator) - 1)
        tosses = torch.randint(2, (count,), generator=generator)
        mirror = 1 - 2 * tosses if self._flip else torch.ones(count)
        across = torch.stack([mirror * angles.cos(), -angles.sin(), shifts[:, 0]], dim=1)
        down = torch.stack([mirror * angles.sin(), angles.cos(), shifts[:, 1]], dim=1)
        return torch.stack([across, down], dim=1)


class ViewDraws(Draws):
    """Draws of each network: one of the image as it is, and one of each view. The trunk is the first pass.

    Args:
        networks: run on the views, as many at once as ``AT_ONCE`` allows.
        views: (T - 1, 2, 3), affine maps as ``torch.nn.functional.affine_grid`` takes them, between pixels bilinear,
            beyond the edge as at the edge.
    """

    def __init__(self, networks: Sequence[Network], views: Tensor) -> None:
        super().__init__(networks)
        self._views = views

    def trunk(self, images: Tensor) -> Sequence[Tensor]:
        """The images themselves, and each network's features of them."""
        return [images, *(network.backbone(images) for network in self.networks)]

    def features(self, trunk: Sequence[Tensor]) -> Sequence[Tensor]:
        """Of the images as they are."""
        _, *features = trunk
        return features

    def logits(self, trunk: Sequence[Tensor]) -> Tensor:
        """For each network, those of the image as it is before those of the views."""
        images, *features = trunk
        found = []
        for network, plain in zip(self.networks, features, strict=True):
            found.append(network.head(plain).unsqueeze(1))
            for some in some_at_once(len(self._views), images):
                views = self._seen(images, self._views[some])
                found.append(network(views.flatten(0, 1)).unflatten(0, views.shape[:2]))
        return torch.cat(found, dim=1)

    def _seen(self, images: Tensor, views: Tensor) -> Tensor:
        """Views (B, t, channels, S, S) of images."""
        size = [len(views), *images.shape[1:]]
        grids = F.affine_grid(views.to(images), size, align_corners=False)
        return torch.stack(
            [
                F.grid_sample(images, grid.expand(len(images), -1, -1, -1), padding_mode="border", align_corners=False)
                for grid in grids
            ],
            dim=1,
        )
