"""What a network that detects objects is: maps of an image, candidates in them, and which of these are detections."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import batched_nms, box_area, clip_boxes_to_image, remove_small_boxes

from alframe.data.transforms import Target
from alframe.learner.classes import ClassRows
from alframe.learner.layer_groups import HEAD, LayerGroups, groups_of

Maps: TypeAlias = dict[str, Tensor]
"""What a backbone says of a batch of images: (B, width, h, w) for each level, finest first."""

SMALLEST = 1e-2
"""Sides of a box, in pixels, under which there is nothing in it."""


@dataclass(frozen=True)
class Suppression:
    """Which of the candidates in an image are its detections.

    Attributes:
        score: least score, in [0, 1].
        overlap: of two candidates of one class that overlap by more than this, the surer one stays.
        most: at most so many, the surest.
    """

    score: float
    overlap: float
    most: int

    def __call__(self, probs: Tensor, boxes: Tensor) -> Tensor:
        """Positions of the detections, surest first, among candidates with probs (n, C + 1) and boxes (n, 4)."""
        scores, labels = probs[:, :-1].max(dim=1)
        likely = (scores >= self.score).nonzero().squeeze(1)
        likely = likely[remove_small_boxes(boxes[likely], SMALLEST)]
        kept = batched_nms(boxes[likely], scores[likely], labels[likely], self.overlap)
        return likely[kept[: self.most]]


@dataclass(frozen=True, eq=False)
class Kept:
    """The n candidates of a batch of images that are detections, image by image.

    Attributes:
        rows: (n,) which image of the batch each is in, ascending.
        probs: (n, C + 1) class distributions, background last.
        boxes: (n, C, 4) the box that each has if it is of that class; or (n, 1, 4), whatever its class.
        candidates: (n, ...) what the network knows them by.
    """

    rows: Tensor
    probs: Tensor
    boxes: Tensor
    candidates: Tensor


Thinned: TypeAlias = Callable[[Maps, Kept], tuple[Tensor, Tensor]]
"""A network under T dropout masks: of detections, probs (n, T, C + 1) and boxes (n, T, C, 4) or (n, T, 1, 4)."""


class DetectionNetwork(nn.Module, ABC):
    """A model of torchvision: a backbone whose maps are the same in every draw, under a head with dropout.

    Of the model the parts are used, and not the resizing before them: batches are normalised and of one size.

    Args:
        image_shape: (channels, height, width); grey images are repeated to three channels.
        num_classes: C.
        dropout: probability of dropping a unit, or a channel, in the head.
    """

    model: Any

    def __init__(self, image_shape: tuple[int, int, int], num_classes: int, dropout: float) -> None:
        super().__init__()
        self.image_shape = image_shape
        self.num_classes = num_classes
        self.dropout = dropout

    def maps(self, images: Tensor) -> Maps:
        """The backbone's maps of images (B, channels, S, S); in single precision, because anchors take on theirs."""
        maps: Maps = self.model.backbone(images.expand(-1, 3, -1, -1))
        return {level: values.float() for level, values in maps.items()}

    @abstractmethod
    def loss(self, images: Tensor, targets: Sequence[Target]) -> Tensor:
        """Sum of the losses of the paper, for images (B, channels, S, S) and what is known of each."""

    @abstractmethod
    def detect(self, images: Tensor, maps: Maps, suppression: Suppression) -> Kept:
        """The detections in images (B, channels, S, S), without dropout."""

    @abstractmethod
    def thinned(self, draws: int, generator: torch.Generator) -> Thinned:
        """The network's head under fixed dropout masks, the same for every image; T is ``draws``."""

    @abstractmethod
    def regions(self, images: Tensor, maps: Maps, boxes: Sequence[Tensor]) -> Tensor:
        """Features (n, D) of boxes (n_b, 4) in each of the images, without dropout."""

    @abstractmethod
    def class_rows(self, classes: int) -> Mapping[str, ClassRows]:
        """What has rows for classes, by name, and for which, if there were so many classes."""

    def layer_groups(self) -> LayerGroups:
        """The layers of the backbone, the pyramid over them, and all that reads its maps."""
        backbone = set(self.model.backbone.modules())
        head = [module for module in self.model.modules() if module not in backbone]
        return {**groups_of(self.model.backbone.named_children()), HEAD: head}

    @staticmethod
    def embeddings(maps: Maps) -> Tensor:
        """Features (B, D) of whole images: the mean over each map, side by side."""
        return torch.cat([values.mean(dim=(2, 3)) for values in maps.values()], dim=1)


def image_list(images: Tensor) -> ImageList:
    """Images as torchvision's layers want them."""
    height, width = images.shape[2:]
    return ImageList(images, [(height, width)] * len(images))


def torchvision_targets(targets: Sequence[Target], first: int) -> list[dict[str, Tensor]]:
    """Targets as torchvision's losses want them: the objects, whose classes count from ``first`` on; others apart."""
    return [
        {
            "boxes": target.boxes[~target.ignored],
            "labels": target.labels[~target.ignored] + first,
            "ignored": target.boxes[target.ignored],
        }
        for target in targets
    ]


def passed_over(boxes: Tensor, target: dict[str, Tensor]) -> Tensor:
    """(n,) whether a box lies mostly in something to be ignored and touches no object: no example of anything."""
    if len(target["ignored"]) == 0:
        return torch.zeros(len(boxes), dtype=torch.bool, device=boxes.device)
    inside = _common(boxes, target["ignored"]) >= 0.5 * box_area(boxes)[:, None]
    touching = _common(boxes, target["boxes"]) > 0
    over: Tensor = inside.any(dim=1) & ~touching.any(dim=1)
    return over


def of_class(boxes: Tensor, labels: Tensor) -> Tensor:
    """The boxes that candidates have if they are of these classes, (n, ..., C or 1, 4) and (n,) -> (n, ..., 4)."""
    column = labels if boxes.shape[-2] > 1 else torch.zeros_like(labels)
    return boxes.take_along_dim(column.view(-1, *[1] * (boxes.ndim - 1)), dim=-2).squeeze(-2)


def detections(
    probs: Sequence[Tensor],
    boxes: Sequence[Tensor],
    candidates: Sequence[Tensor],
    shape: tuple[int, int],
    suppression: Suppression,
) -> Kept:
    """Those of each image's candidates that are its detections; boxes are clipped to the image.

    Args:
        probs: (n, C + 1) for each image.
        boxes: (n, C, 4) or (n, 1, 4) for each image.
        candidates: (n, ...) for each image, what the network knows them by.
        shape: height and width of the images.
        suppression: which candidates are detections.
    """
    clipped = [clip_boxes_to_image(some, shape) for some in boxes]
    kept = [
        suppression(some, of_class(where, some[:, :-1].argmax(dim=1)))
        for some, where in zip(probs, clipped, strict=True)
    ]
    counts = torch.tensor([len(positions) for positions in kept])
    return Kept(
        rows=torch.arange(len(kept)).repeat_interleave(counts).to(kept[0].device),
        probs=_chosen(probs, kept),
        boxes=_chosen(clipped, kept),
        candidates=_chosen(candidates, kept),
    )


def _chosen(values: Sequence[Tensor], positions: Sequence[Tensor]) -> Tensor:
    return torch.cat([some[kept] for some, kept in zip(values, positions, strict=True)])


def _common(boxes: Tensor, others: Tensor) -> Tensor:
    """Areas (n, m) that boxes have in common."""
    corners = torch.maximum(boxes[:, None, :2], others[:, :2])
    ends = torch.minimum(boxes[:, None, 2:], others[:, 2:])
    common: Tensor = (ends - corners).clamp(min=0).prod(dim=2)
    return common
