"""Images to tensors."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import PIL.Image
import torch
from numpy.typing import NDArray

from alframe.data.source import Image
from alframe.data.transforms.steps import A, take_step
from alframe.types import Labels


@dataclass(frozen=True, eq=False)
class Pipeline:
    """Images of any size in, one normalised tensor out; can be pickled.

    Attributes:
        steps: applied to each image in turn.
        resize: brings images of another size to the final one.
        channels: 1 for grey, 3 for RGB.
        mean: per channel, on the scale 0 to 1.
        std: per channel, on the scale 0 to 1.
        side: an image whose shorter side has at least so many pixels is as good as a larger one; ``None`` if images are
            needed whole.
    """

    steps: tuple[A.BasicTransform, ...]
    resize: A.Resize
    channels: Literal[1, 3]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    side: int | None = None

    def __call__(self, images: Sequence[Image], seed: int) -> torch.Tensor:
        """Transform ``images``, any number of (H, W, 1 or 3) uint8, to (B, channels, size, size) float32.

        Args:
            images: may differ in size and in channels.
            seed: of the random steps; the same images under the same seed give the same tensor.

        Raises:
            ConfigurationError: a step cannot be applied to one of the images.
        """
        # Both generators are shared by the steps, so that one step's draws say nothing of another's.
        generators = np.random.default_rng(seed), random.Random(seed)  # noqa: S311 (no secret is made)
        for step in self.steps:
            step.set_random_state(*generators)
        size = (self.resize.height, self.resize.width, self.channels)
        pixels = np.empty((len(images), *size), dtype=np.uint8)
        for row, image in enumerate(images):
            pixels[row] = self._apply(image, size)
        return normalise(pixels, self.mean, self.std)

    def batch(self, images: Sequence[Image], labels: Labels, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The tensor of ``images`` and that of their class indices (B,)."""
        return self(images, seed), torch.from_numpy(labels)

    def _apply(self, image: Image, size: tuple[int, int, int]) -> Image:
        image = recolour(image, self.channels)
        for step in self.steps:
            image = take_step(step, image)
        return image if image.shape == size else self.resize(image=image)["image"]


def normalise(pixels: NDArray[np.uint8], mean: Sequence[float], std: Sequence[float]) -> torch.Tensor:
    """(B, H, W, channels) uint8 -> (B, channels, H, W) float32 of this mean and std, both on the scale 0 to 1."""
    means, stds = (torch.tensor(values).view(-1, 1, 1) * 255 for values in (mean, std))
    batch = torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()
    return batch.to(torch.float32).sub_(means).div_(stds)


def recolour(image: Image, channels: Literal[1, 3]) -> Image:
    """The image in grey or in RGB."""
    if image.shape[2] == channels:
        return image
    if channels == 3:
        return np.repeat(image, 3, axis=2)
    return np.asarray(PIL.Image.fromarray(image).convert("L"))[..., None]
