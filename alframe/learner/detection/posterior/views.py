"""Views of an image: the same detector on the image flipped, or under noise."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from alframe.errors import ConfigurationError
from alframe.functional import match_boxes
from alframe.learner.detection.network import DetectionNetwork, Maps, Suppression
from alframe.learner.detection.posterior.alignment import OVERLAP, Seen, aligned, own_boxes
from alframe.learner.detection.posterior.base import DetectionDraws, DetectionPosterior, Found


class Views(DetectionPosterior):
    """One network on the image as it is, and on T views of it, the same T for every image.

    The detections are those in the image as it is. In every view the network's own are matched with them one to one,
    the surest first, by overlap; what stands for none of them counts as missed. Each view is a draw, and the image as
    it is none, because it would always agree with itself; class distributions are the mean over it and the views. Of a
    single view there is one draw: enough for the consistency and the stability of detections, while what compares
    draws with each other, BALD and the variance of boxes, is zero.
    """

    @abstractmethod
    def views(self, image_shape: tuple[int, int, int], generator: torch.Generator) -> Sequence[View]:
        """All T views of images (channels, height, width)."""

    def draws(self, networks: Sequence[DetectionNetwork], generator: torch.Generator) -> DetectionDraws:
        """The network on each view."""
        (network,) = networks
        return ViewDraws(network, self.views(network.image_shape, generator))


class View(NamedTuple):
    """A way to look at images.

    Attributes:
        of: images (B, channels, S, S) as they are seen.
        back: boxes (n, 4) from where they are seen to where they are in the image.
    """

    of: Callable[[Tensor], Tensor]
    back: Callable[[Tensor], Tensor]


class ViewDraws(DetectionDraws):
    """A draw for each view."""

    def __init__(self, network: DetectionNetwork, views: Sequence[View]) -> None:
        self._network = network
        self._views = views

    def find(self, images: Tensor, maps: Sequence[Maps], suppression: Suppression) -> Found:
        """The network's detections, and what becomes of them in the views."""
        plain = self._network.detect(images, maps[0], suppression)
        each = [(plain, own_boxes(plain))]
        for view in self._views:
            seen_so = view.of(images)
            kept = self._network.detect(seen_so, self._network.maps(seen_so), suppression)
            each.append((kept, view.back(own_boxes(kept))))
        seen = Seen.of(each)
        stands_for = np.full(len(seen.rows), -1, dtype=np.int64)
        for image in seen.by_image():
            first = image.draws == 0
            reference = image.positions[first]
            stands_for[reference] = reference
            for draw in range(1, len(each)):
                own = image.draws == draw
                matched = match_boxes(
                    image.boxes[own],
                    image.scores[own],
                    image.labels[own],
                    image.boxes[first],
                    image.labels[first],
                    OVERLAP,
                )
                confirmed = matched >= 0
                stands_for[image.positions[own][confirmed]] = reference[matched[confirmed]]
        every = aligned(seen, stands_for, len(images), len(each))
        return replace(
            every,
            samples=every.samples[:, 1:],
            draws=every.draws[:, 1:],
            missed=every.missed * len(each) / len(self._views),
        )


class Flips(Views):
    """The image mirrored left to right, top to bottom and both (consistency, after CALD, Yu et al. 2022).

    Choose flips that leave an object what it is.

    Args:
        horizontal: whether to mirror left to right.
        vertical: whether to mirror top to bottom.
    """

    def __init__(self, horizontal: bool = True, vertical: bool = True) -> None:
        if not (horizontal or vertical):
            raise ConfigurationError(
                "flipped views have nothing to vary: set learner.posterior.horizontal or learner.posterior.vertical"
            )
        self._axes = [axis for axis, wanted in ((3, horizontal), (2, vertical)) if wanted]

    def views(
        self,
        image_shape: tuple[int, int, int],
        generator: torch.Generator,  # noqa: ARG002 (nothing is random)
    ) -> Sequence[View]:
        """Every combination of the flips but none at all."""
        _, height, width = image_shape
        tosses = product(*([False, True] for _ in self._axes))
        chosen = [[axis for axis, toss in zip(self._axes, toss, strict=True) if toss] for toss in tosses]
        return [_flipped(axes, height, width) for axes in chosen if axes]


class Noise(Views):
    """The image under Gaussian noise of several levels (localisation stability, after Kao et al. 2018).

    Each level has one pattern of noise, the same for every image.

    Args:
        levels: standard deviations of the noise, in those of the normalised pixels.
    """

    def __init__(self, levels: Sequence[float] = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)) -> None:
        if not levels or min(levels) <= 0:
            raise ConfigurationError(f"noisy views need levels above 0, got learner.posterior.levels={list(levels)}")
        self._levels = levels

    def views(self, image_shape: tuple[int, int, int], generator: torch.Generator) -> Sequence[View]:
        """A pattern for each level."""
        return [_noisy(level * torch.randn(image_shape, generator=generator)) for level in self._levels]


def _flipped(axes: Sequence[int], height: int, width: int) -> View:
    def back(boxes: Tensor) -> Tensor:
        left, top, right, bottom = boxes.unbind(dim=1)
        if 3 in axes:
            left, right = width - right, width - left
        if 2 in axes:
            top, bottom = height - bottom, height - top
        return torch.stack([left, top, right, bottom], dim=1)

    return View(lambda images: images.flip(tuple(axes)), back)


def _noisy(pattern: Tensor) -> View:
    return View(lambda images: images + pattern.to(images), lambda boxes: boxes)
