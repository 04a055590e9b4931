"""A small U-Net, for a CPU."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from alframe.errors import ConfigurationError
from alframe.learner.segmentation.network import SegmentationNetwork, Thin, Trunk, classification


class UNet(SegmentationNetwork):
    """Down by halves, and up again with what was seen on the way down (Ronneberger et al. 2015), with batch norm.

    Narrower than theirs, with padding, so that any image keeps its size, and with one convolution a level on the way
    up. The last block is a convolution at full resolution and the classification of each pixel.

    Args:
        image_shape: (channels, height, width).
        classes: how many there are, with background.
        widths: channels of each level, the finest first.
    """

    def __init__(
        self, image_shape: tuple[int, int, int], classes: int, widths: Sequence[int] = (16, 32, 64, 128)
    ) -> None:
        super().__init__()
        if len(widths) < 2 or min(widths) < 1:
            raise ConfigurationError(
                f"learner.architecture.widths must be two or more widths from 1 up, got {list(widths)}"
            )
        finest = widths[0]
        self.down = nn.ModuleList(
            nn.Sequential(_convolution(above, width), _convolution(width, width))
            for above, width in pairwise((image_shape[0], *widths))
        )
        self.up = nn.ModuleList(_convolution(width + below, width) for width, below in reversed(list(pairwise(widths))))
        self.block = _convolution(finest, finest)
        self.classify = classification(finest, classes)
        self.droppable = {"before": finest, "within": finest}

    def trunk(self, images: Tensor) -> Trunk:
        """All but the last convolution."""
        values, passed = images, []
        for level, stage in enumerate(self.down):
            values = stage(F.max_pool2d(values, 2, ceil_mode=True) if level else values)
            passed.append(values)
        bottleneck = passed.pop()
        for stage in self.up:
            beside = passed.pop()
            values = stage(torch.cat([F.interpolate(values, beside.shape[2:]), beside], dim=1))
        return Trunk((values,), bottleneck)

    def last_block(self, maps: tuple[Tensor, ...], thin: Thin) -> Tensor:
        """Logits (B, classes, S, S)."""
        values = self.block(thin("before", maps[0]))
        logits: Tensor = self.classify(thin("within", values))
        return logits


def _convolution(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )
