"""Draws of the class of every pixel, made one after another: all of them at once would not fit into memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from alframe.learner.segmentation.network import SegmentationNetwork, Thin, Trunk

FLIPS = ((3,), (2,), (2, 3))
"""Left to right, upside down, and both: the dimensions that each turns round."""


class Draws(ABC):
    """T draws, each the same model for every image.

    Args:
        networks: whose trunks run once per image.
    """

    def __init__(self, networks: Sequence[SegmentationNetwork]) -> None:
        self.networks = networks

    def trunks(self, images: Tensor) -> Sequence[Trunk]:
        """Each network's trunk of a batch of images (B, channels, S, S)."""
        return [network.trunk(images) for network in self.networks]

    @abstractmethod
    def logits(self, images: Tensor, trunks: Sequence[Trunk]) -> Iterator[Tensor]:
        """Logits (B, classes, S, S) of each draw in turn, for images and their trunks."""


class LastBlockDraws(Draws):
    """Draws that share the trunk: versions of each network's last block.

    Args:
        networks: run as they are up to their last block.
        versions: of each network's last block, one for a draw; say which channels it loses.
    """

    def __init__(self, networks: Sequence[SegmentationNetwork], versions: Sequence[Sequence[Thin]]) -> None:
        super().__init__(networks)
        self._versions = versions

    def logits(self, images: Tensor, trunks: Sequence[Trunk]) -> Iterator[Tensor]:
        """One network's after another's."""
        for network, trunk, versions in zip(self.networks, trunks, self._versions, strict=True):
            for thin in versions:
                yield network.logits(trunk, images, thin)


class FlipDraws(Draws):
    """Draws of each network: of the image as it is, and of the image flipped, turned back again.

    Args:
        networks: run on every view.
        flips: the dimensions that each view turns round.
    """

    def __init__(self, networks: Sequence[SegmentationNetwork], flips: Sequence[tuple[int, ...]] = FLIPS) -> None:
        super().__init__(networks)
        self._flips = flips

    def logits(self, images: Tensor, trunks: Sequence[Trunk]) -> Iterator[Tensor]:
        """One network's after another's, each beginning with the image as it is."""
        for network, trunk in zip(self.networks, trunks, strict=True):
            yield network.logits(trunk, images)
            for dims in self._flips:
                yield network(images.flip(dims)).flip(dims)


class ChannelMasks:
    """Which channels are dropped at each place, at random, the same for every image; what is kept grows in return.

    Args:
        droppable: how many channels there are at each place.
        rate: probability of dropping one.
        generator: a CPU generator, so that masks do not depend on the device.
    """

    def __init__(self, droppable: Mapping[str, int], rate: float, generator: torch.Generator) -> None:
        keep = 1 - rate
        self._masks = {
            place: torch.bernoulli(torch.full((channels, 1, 1), keep), generator=generator) / keep
            for place, channels in droppable.items()
        }

    def __call__(self, place: str, values: Tensor) -> Tensor:
        """``values`` (B, channels, h, w) without the channels that are dropped at ``place``."""
        return values * self._masks[place].to(values)
