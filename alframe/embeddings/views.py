"""Random views of images, for learning what stays the same between two views of one."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

GREY_SHARE = 0.2
"""How often a colour image loses its colours altogether."""


@dataclass(frozen=True)
class Views:
    """Crops at a random place, stretched to the whole image, mirrored, in other light and colours.

    Attributes:
        crop: the smallest share of an image's area that a crop has.
        flip: whether half the views are mirrored.
        jitter: how far brightness, contrast and saturation vary: brightness in standard deviations, the others as
            factors 1 - jitter to 1 + jitter.
    """

    crop: float
    flip: bool
    jitter: float

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """One view of each normalised image, (B, channels, S, S) -> the same.

        >>> images = torch.arange(9.0).view(1, 1, 3, 3)
        >>> torch.equal(Views(crop=1.0, flip=False, jitter=0.0)(images, torch.Generator()).round(), images)
        True

        Args:
            images: on any device.
            generator: of the draws, on the CPU.
        """
        places = affine_grid(self._crops(len(images), generator).to(images), list(images.shape), align_corners=False)
        views = grid_sample(images, places, padding_mode="reflection", align_corners=False)

        def between(low: float, high: float) -> Tensor:
            return _uniform(len(images), low, high, generator).to(images).view(-1, 1, 1, 1)

        if images.shape[1] == 3:
            grey = views.mean(dim=1, keepdim=True)
            saturation = between(1 - self.jitter, 1 + self.jitter) * (between(0, 1) >= GREY_SHARE)
            views = grey + (views - grey) * saturation
        mean = views.mean(dim=(1, 2, 3), keepdim=True)
        contrast, brightness = between(1 - self.jitter, 1 + self.jitter), between(-self.jitter, self.jitter)
        return mean + (views - mean) * contrast + brightness

    def _crops(self, count: int, generator: torch.Generator) -> Tensor:
        """From where in an image, [-1, 1] on each axis, each place of its view is taken: (count, 2, 3)."""
        area = _uniform(count, self.crop, 1, generator)
        stretch = _uniform(count, -1, 1, generator).mul(torch.tensor(4 / 3).log() / 2).exp()
        sides = torch.stack([area.sqrt() * stretch, area.sqrt() / stretch], dim=1).clamp(max=1)
        centers = (torch.rand(count, 2, generator=generator) * 2 - 1) * (1 - sides)
        if self.flip:
            sides[:, 0] *= torch.where(torch.rand(count, generator=generator) < 0.5, -1, 1)
        return torch.cat([torch.diag_embed(sides), centers[:, :, None]], dim=2)


def _uniform(count: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(count, generator=generator)
