"""What the posterior of a detector is: T draws of its detections, aligned with each other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from alframe.learner.detection.network import DetectionNetwork, Maps, Suppression


@dataclass(frozen=True, eq=False)
class Found:
    """The n detections in a batch of B images under T draws, image by image.

    Attributes:
        rows: (n,) which image of the batch each is in, ascending.
        boxes: (n, 4) left, top, right and bottom edges, in pixels of the tensor.
        probs: (n, C + 1) class distributions, the mean over the draws; of views, over the image as it is as well.
        samples: (n, T, C + 1) class distributions under each draw; all background where it does not have the detection.
        draws: (n, T, 4) the box under each draw; zeros where it does not have the detection.
        missed: (B,) scores of what a draw sees and no detection stands for, summed, mean over the draws.
    """

    rows: Tensor
    boxes: Tensor
    probs: Tensor
    samples: Tensor
    draws: Tensor
    missed: Tensor


class DetectionDraws(ABC):
    """T draws, each the same model for every image."""

    @abstractmethod
    def find(self, images: Tensor, maps: Sequence[Maps], suppression: Suppression) -> Found:
        """The detections in images (B, channels, S, S), given each network's maps of them."""


class DetectionPosterior(ABC):
    """How a detector's networks are turned into draws.

    Attributes:
        members: how many networks a detector has.
        offers_samples: whether there are draws to compare with the detections and with each other.
        may_miss: whether draws have detections of their own, so that some may stand for none of the detector's.
    """

    members: int = 1
    offers_samples: bool = True
    may_miss: bool = True

    def check(self, dropout: float) -> None:  # noqa: B027 (most need nothing)
        """Refuse a detector with this dropout, if nothing could be drawn from it."""

    @abstractmethod
    def draws(self, networks: Sequence[DetectionNetwork], generator: torch.Generator) -> DetectionDraws:
        """T draws for the weights as they are; what is random comes from ``generator``, on the CPU."""
