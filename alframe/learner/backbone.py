"""What a backbone is."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Backbone(nn.Module, ABC):
    """Maps images (B, channels, S, S) to features (B, ``width``), without randomness in evaluation mode.

    Attributes:
        width: of the features.
        hidden: widths of the hidden layers that the classifier's head should have on top.
    """

    width: int
    hidden: tuple[int, ...] = ()

    @abstractmethod
    def forward(self, images: Tensor) -> Tensor:
        """Features of a batch of images."""
