"""What detectors without proposals have in common: every anchor is a candidate."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import roi_align

from alframe.data.transforms import Target
from alframe.learner.detection.network import (
    DetectionNetwork,
    Kept,
    Maps,
    Suppression,
    Thinned,
    detections,
    image_list,
    passed_over,
    torchvision_targets,
)

CERTAIN = 100.0
"""A logit so far from all others that loss and gradient are zero in single precision."""


class OneStage(DetectionNetwork):
    """A head that gives classes and a box at every anchor; dropout is of channels of the maps that it reads.

    Anchors that lie mostly in an object to be ignored and touch no other are taken for background that is certain
    already: they are no examples.

    Attributes:
        first_class: what torchvision calls the first class: 1 where it has the background as class 0.
    """

    first_class: ClassVar[int] = 0

    @abstractmethod
    def _losses(
        self, maps: Maps, outputs: dict[str, Tensor], anchors: list[Tensor], targets: list[dict[str, Tensor]]
    ) -> Mapping[str, Tensor]:
        """The losses of the paper."""

    @abstractmethod
    def _read(self, outputs: Mapping[str, Tensor], anchors: Tensor) -> tuple[Tensor, Tensor]:
        """Probs (n, C + 1), background last, and boxes (n, 4) of the head's outputs (n, ...) at anchors (n, 4)."""

    def loss(self, images: Tensor, targets: Sequence[Target]) -> Tensor:
        """Sum of the losses of classes and boxes, for images (B, channels, S, S) and what is known of each."""
        maps = {level: F.dropout2d(values, self.dropout, self.training) for level, values in self.maps(images).items()}
        known = torchvision_targets(targets, self.first_class)
        outputs, anchors = self._outputs(maps), self._anchors(images, maps)
        over = torch.stack([passed_over(where, target) for where, target in zip(anchors, known, strict=True)])
        logits = outputs["cls_logits"]
        nothing = logits.new_full(logits.shape[-1:], -CERTAIN)
        nothing[: self.first_class] = CERTAIN
        outputs["cls_logits"] = torch.where(over.unsqueeze(2), nothing, logits)
        return torch.stack(list(self._losses(maps, outputs, anchors, known).values())).sum()

    def detect(self, images: Tensor, maps: Maps, suppression: Suppression) -> Kept:
        """The detections in images (B, channels, S, S), without dropout."""
        outputs, anchors = self._outputs(maps), self._anchors(images, maps)
        probs, boxes = zip(
            *(
                self._read({name: values[row] for name, values in outputs.items()}, where)
                for row, where in enumerate(anchors)
            ),
            strict=True,
        )
        # Draws know an anchor by its number and where it lies.
        known = [torch.cat([torch.arange(len(where)).to(where)[:, None], where], dim=1) for where in anchors]
        height, width = images.shape[2:]
        return detections(probs, [some.unsqueeze(1) for some in boxes], known, (height, width), suppression)

    def thinned(self, draws: int, generator: torch.Generator) -> Thinned:
        """The head on maps under fixed masks over channels, at the same anchors; one pass of the head for each draw."""
        return _ThinnedMaps(self, draws, generator)

    def regions(self, images: Tensor, maps: Maps, boxes: Sequence[Tensor]) -> Tensor:
        """The mean of every map in boxes (n_b, 4) of each of the images, side by side, (n, D)."""
        width = images.shape[3]
        each = [
            roi_align(values, list(boxes), 1, spatial_scale=values.shape[3] / width, aligned=True)
            for values in maps.values()
        ]
        return torch.cat(each, dim=1).flatten(1)

    def at(self, maps: Maps, kept: Kept) -> tuple[Tensor, Tensor]:
        """Probs (n, C + 1) and boxes (n, 4) of the same anchors on other maps of the same images."""
        outputs = self._outputs(maps)
        numbers = kept.candidates[:, 0].long()
        chosen = {name: values[kept.rows, numbers] for name, values in outputs.items()}
        return self._read(chosen, kept.candidates[:, 1:])

    def _outputs(self, maps: Maps) -> dict[str, Tensor]:
        outputs: dict[str, Tensor] = self.model.head(list(maps.values()))
        return {name: values.float() for name, values in outputs.items()}

    def _anchors(self, images: Tensor, maps: Maps) -> list[Tensor]:
        anchors: list[Tensor] = self.model.anchor_generator(image_list(images), list(maps.values()))
        return anchors


class _ThinnedMaps:
    """A head under T masks over the channels of the maps it reads; they are made when the first batch shows these."""

    def __init__(self, network: OneStage, draws: int, generator: torch.Generator) -> None:
        self._network = network
        self._draws = draws
        self._generator = torch.Generator().manual_seed(int(torch.randint(2**62, (), generator=generator)))
        self._masks: dict[str, Tensor] = {}

    def __call__(self, maps: Maps, kept: Kept) -> tuple[Tensor, Tensor]:
        """Probs (n, T, C + 1) and boxes (n, T, 1, 4) of each draw."""
        for level, values in maps.items():
            if level not in self._masks:
                self._masks[level] = self._draw(values)
        draws = [
            self._network.at({level: values * self._masks[level][t] for level, values in maps.items()}, kept)
            for t in range(self._draws)
        ]
        probs, boxes = zip(*draws, strict=True)
        return torch.stack(probs, dim=1), torch.stack(boxes, dim=1).unsqueeze(2)

    def _draw(self, values: Tensor) -> Tensor:
        keep = 1 - self._network.dropout
        shape = (self._draws, 1, values.shape[1], 1, 1)
        return torch.bernoulli(torch.full(shape, keep), generator=self._generator).to(values) / keep


def exclusive(probs: Tensor) -> Tensor:
    """A distribution over C + 1 from C independent probabilities, (..., C) -> (..., C + 1), background last.

    Background is what none of them is, the product of their complements; the classes share the rest in proportion. Of
    one class it is that class's probability and its complement.

    >>> exclusive(torch.tensor([0.5, 0.5]))
    tensor([0.3750, 0.3750, 0.2500])
    """
    background = (1 - probs).prod(dim=-1, keepdim=True)
    shares = probs / probs.sum(dim=-1, keepdim=True).clamp(min=torch.finfo(probs.dtype).tiny)
    return torch.cat([(1 - background) * shares, background], dim=-1)
