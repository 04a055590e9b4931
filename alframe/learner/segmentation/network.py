"""What a network for segmentation is: a trunk without randomness under a last block that may lose channels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from math import log
from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from alframe.learner.classes import ClassRows, layer_rows, rows_of
from alframe.learner.layer_groups import HEAD, LayerGroups, groups_of

Thin = Callable[[str, Tensor], Tensor]
"""Given the name of a place in the last block and what arrives there, (B, channels, h, w), what goes on from there."""

FOREGROUND = 0.01
"""Share of the pixels that an untrained network takes for one of the classes."""


def keep_all(_place: str, values: Tensor) -> Tensor:
    """No channel is dropped anywhere."""
    return values


def classification(channels: int, classes: int) -> nn.Conv2d:
    """The logits of each pixel from its channels; before training nearly everything is taken for background.

    Where objects are rare, the first steps would otherwise go into learning nothing but that (Lin et al. 2017, focal
    loss, whose prior this is).
    """
    layer = nn.Conv2d(channels, classes, kernel_size=1)
    bias = torch.full((classes,), log(FOREGROUND / (1 - FOREGROUND) / max(1, classes - 1)))
    bias[0] = 0
    layer.bias = nn.Parameter(bias)
    return layer


class Trunk(NamedTuple):
    """What does not depend on which channels are dropped.

    Attributes:
        maps: what the last block reads, (B, channels, h, w) each.
        bottleneck: (B, D, h, w) the deepest features.
    """

    maps: tuple[Tensor, ...]
    bottleneck: Tensor

    @property
    def embeddings(self) -> Tensor:
        """(B, D) the deepest features, their mean over the image."""
        return self.bottleneck.mean(dim=(2, 3))


class SegmentationNetwork(nn.Module, ABC):
    """Images (B, channels, S, S) to the logits of every pixel, (B, classes, S, S).

    Attributes:
        droppable: how many channels there are at each place of the last block where whole channels may be dropped.
        last: names of the modules that the last block consists of.
        classifies: names of those whose outputs add up to the logits.
    """

    droppable: Mapping[str, int]
    last: ClassVar[tuple[str, ...]] = ("block", "classify")
    classifies: ClassVar[tuple[str, ...]] = ("classify",)

    @abstractmethod
    def trunk(self, images: Tensor) -> Trunk:
        """Everything before the last block."""

    @abstractmethod
    def last_block(self, maps: tuple[Tensor, ...], thin: Thin) -> Tensor:
        """Logits (B, classes, h, w), as fine as the network makes them.

        Args:
            maps: of the trunk.
            thin: is given what arrives at each place of ``droppable``.
        """

    def logits(self, trunk: Trunk, images: Tensor, thin: Thin = keep_all) -> Tensor:
        """Logits (B, classes, S, S), bilinear where the network is coarser than the images (B, channels, S, S)."""
        found, size = self.last_block(trunk.maps, thin), images.shape[2:]
        return found if found.shape[2:] == size else F.interpolate(found, size, mode="bilinear", align_corners=False)

    def class_rows(self, classes: int) -> Mapping[str, ClassRows]:
        """What has rows for classes, background first, by name, and for which, if there were so many classes."""
        rows, own = rows_of(classes, background=True), self.state_dict()
        found = {name: each for layer in self.classifies for name, each in layer_rows(layer, rows).items()}
        return {name: each for name, each in found.items() if name in own}

    def layer_groups(self) -> LayerGroups:
        """The layers of the trunk, and the last block."""
        trunk = groups_of((name, module) for name, module in self.named_children() if name not in self.last)
        return {**trunk, HEAD: [part for name in self.last for part in self.get_submodule(name).modules()]}

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, classes, S, S) with all channels."""
        return self.logits(self.trunk(images), images)
