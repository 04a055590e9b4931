"""Faster R-CNN: regions that may hold an object are proposed, and a box head looks into each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torchvision.models.detection import FasterRCNN as TorchvisionFasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import TwoMLPHead
from torchvision.models.detection.rpn import RegionProposalNetwork
from torchvision.ops import MultiScaleRoIAlign

from alframe.data.transforms import Target
from alframe.learner.classes import ClassRows, layer_rows, rows_of
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
from alframe.learner.detection.pretrained import pretrained
from alframe.learner.detection.pyramid import Pyramid, check_levels
from alframe.learner.head import Head
from alframe.learner.posterior.mc_dropout import ThinnedHead

POOLED = 7
"""Height and width to which a proposal's part of the maps is brought."""
CANONICAL = 28
"""A box is looked up where anchors are of about its size: in the paper 224 pixels where anchors have 8 strides."""


class FasterRCNN(DetectionNetwork):
    """Faster R-CNN (Ren et al. 2015) over a feature pyramid; dropout is in the box head.

    The first layer of the box head, which is the widest, is the same in every draw; a draw costs what follows it, and
    only for the proposals that are detections without dropout. What lies mostly in an object to be ignored and touches
    no other is no example, neither as an anchor nor as a proposal.

    Args:
        image_shape: (channels, height, width).
        num_classes: C.
        dropout: probability of dropping a unit of the box head.
        weights: torchvision's name of a whole detector, such as ``fasterrcnn_resnet50_fpn_v2``, that is taken as it is,
            its last layer apart: with its backbone, strides, anchors and widths instead of those below. ``None`` for
            new weights.
        backbone: ``small``, or torchvision's name of a ResNet or MobileNet.
        backbone_weights: torchvision's name of the backbone's pretrained weights, such as ``DEFAULT``, or ``None``.
        strides: of the pyramid's levels, in pixels, finest first.
        anchor_sizes: side of a square anchor at each level, in pixels of the tensor.
        aspect_ratios: height by width of the anchors.
        width: channels of the pyramid.
        hidden: units in each of the two layers of the box head.
        proposals: how many of an image the box head looks at.
        sampled_anchors: so many of an image's anchors count in the loss, half of them with an object if there are.
        sampled_proposals: so many of its proposals, a quarter of them with an object if there are.

    Raises:
        ConfigurationError: names that torchvision does not know; strides that are no pyramid, or not one for each
            anchor size.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        num_classes: int,
        dropout: float,
        *,
        weights: str | None = None,
        backbone: str = "small",
        backbone_weights: str | None = None,
        strides: Sequence[int] = (4, 8, 16, 32, 64),
        anchor_sizes: Sequence[int] = (8, 16, 32, 64, 128),
        aspect_ratios: Sequence[float] = (0.5, 1.0, 2.0),
        width: int = 64,
        hidden: int = 128,
        proposals: int = 100,
        sampled_anchors: int = 64,
        sampled_proposals: int = 32,
    ) -> None:
        super().__init__(image_shape, num_classes, dropout)
        if weights is not None:
            self.model = pretrained(weights, "fasterrcnn", box_batch_size_per_image=sampled_proposals)
        else:
            check_levels(strides, anchor_sizes)
            pyramid = Pyramid(backbone, backbone_weights, strides, width)
            self.model = TorchvisionFasterRCNN(
                pyramid,
                num_classes + 1,
                rpn_anchor_generator=AnchorGenerator(
                    tuple((size,) for size in anchor_sizes), (tuple(aspect_ratios),) * len(anchor_sizes)
                ),
                box_roi_pool=MultiScaleRoIAlign(
                    pyramid.levels, POOLED, 2, canonical_scale=CANONICAL * anchor_sizes[0] / strides[0]
                ),
                box_head=TwoMLPHead(width * POOLED**2, hidden),
                box_batch_size_per_image=sampled_proposals,
            )
        self.model.rpn = _Proposals.of(self.model.rpn, proposals, sampled_anchors)
        shared, self.model.roi_heads.box_predictor = _box_head(self.model.roi_heads.box_head, num_classes, dropout)
        self.model.roi_heads.box_head = shared

    @property
    def head(self) -> Head:
        """What follows the first layer of the box head."""
        return cast("BoxPredictor", self.model.roi_heads.box_predictor).head

    def loss(self, images: Tensor, targets: Sequence[Target]) -> Tensor:
        """Sum of the losses of proposals and box head, for images (B, channels, S, S) and what is known of each."""
        self._give_losses(True)
        listed, known = image_list(images), torchvision_targets(targets, first=1)
        maps = self.maps(images)
        proposals, of_proposals = self.model.rpn(listed, maps, known)
        proposals = [boxes[~passed_over(boxes, target)] for boxes, target in zip(proposals, known, strict=True)]
        _, of_boxes = self.model.roi_heads(maps, proposals, listed.image_sizes, known)
        return torch.stack([*of_proposals.values(), *of_boxes.values()]).sum()

    def detect(self, images: Tensor, maps: Maps, suppression: Suppression) -> Kept:
        """The detections in images (B, channels, S, S), without dropout."""
        self._give_losses(False)
        listed = image_list(images)
        proposals, _ = self.model.rpn(listed, maps)
        shared = self._shared(listed.image_sizes, maps, proposals)
        where = torch.cat(proposals)
        probs, boxes = self._read(self.head(shared), where)
        counts = [len(some) for some in proposals]
        known = torch.cat([where, shared], dim=1)
        return detections(
            torch.split(probs, counts),
            torch.split(boxes, counts),
            torch.split(known, counts),
            listed.image_sizes[0],
            suppression,
        )

    def thinned(self, draws: int, generator: torch.Generator) -> Thinned:
        """The box head under fixed dropout masks, on the same proposals."""
        head = ThinnedHead(self.head, draws, generator)
        return lambda _maps, kept: self._read(head(kept.candidates[:, 4:]), kept.candidates[:, :4])

    def regions(self, images: Tensor, maps: Maps, boxes: Sequence[Tensor]) -> Tensor:
        """What the last layer reads of boxes (n_b, 4) in each of the images, (n, D)."""
        return self.head.embed(self._shared(image_list(images).image_sizes, maps, boxes))

    def class_rows(self, classes: int) -> Mapping[str, ClassRows]:
        """The last layer: logits, background first, and after them four deltas for each; a silent class has no size."""
        rows = torch.cat([rows_of(classes, background=True), rows_of(classes, background=True, each=4)])
        return layer_rows(f"model.roi_heads.box_predictor.head.layers.{len(self.head.layers) - 1}", rows)

    def _shared(self, sizes: list[tuple[int, int]], maps: Maps, boxes: Sequence[Tensor]) -> Tensor:
        """What all draws share of boxes: their first layer, (n, hidden)."""
        shared: Tensor = self.model.roi_heads.box_head(self.model.roi_heads.box_roi_pool(maps, list(boxes), sizes))
        return shared

    def _read(self, outputs: Tensor, proposals: Tensor) -> tuple[Tensor, Tensor]:
        """Probs (n, ..., C + 1), background last, and boxes (n, ..., C, 4) of what the last layer gives."""
        logits, deltas = split(outputs.float())
        boxes = self.model.roi_heads.box_coder.decode_single(deltas.flatten(1), proposals)
        boxes = boxes.view(*logits.shape, 4)[..., 1:, :]
        return logits.softmax(dim=-1).roll(-1, dims=-1), boxes

    def _give_losses(self, wanted: bool) -> None:
        """Have the two stages give losses, as they do in training; the layers in them keep their own mode."""
        self.model.rpn.training = self.model.roi_heads.training = wanted


class BoxPredictor(nn.Module):
    """The end of the box head as torchvision calls it: features (n, width) -> logits (n, C + 1), deltas (n, 4C + 4)."""

    def __init__(self, head: Head) -> None:
        super().__init__()
        self.head = head

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Logits, background first, and four deltas for each of them."""
        return split(self.head(features))


def split(outputs: Tensor) -> tuple[Tensor, Tensor]:
    """Logits and deltas in the outputs of one layer, (..., 5C + 5) -> (..., C + 1), (..., 4C + 4)."""
    classes = outputs.shape[-1] // 5
    return outputs[..., :classes], outputs[..., classes:]


def _box_head(head: nn.Module, num_classes: int, dropout: float) -> tuple[nn.Module, BoxPredictor]:
    """A box head of torchvision cut in two: what all draws share, and what dropout is in, with a new last layer."""
    outputs = 5 * (num_classes + 1)
    if isinstance(head, TwoMLPHead):
        second = head.fc7
        rest = Head(second.in_features, (second.out_features,), outputs, dropout)
        rest.layers[0] = second
        return nn.Sequential(nn.Flatten(), head.fc6, nn.ReLU()), BoxPredictor(rest)
    last = [layer for layer in head.modules() if isinstance(layer, nn.Linear)][-1]
    return head, BoxPredictor(Head(last.out_features, (), outputs, dropout))


class _Proposals(RegionProposalNetwork):  # type: ignore[misc] # torchvision is untyped
    """Proposals, learnt from all anchors but those that are passed over."""

    @classmethod
    def of(cls, made: RegionProposalNetwork, proposals: int, sampled: int) -> _Proposals:
        """Proposals of the same layers; twice as many as are kept go into each level's suppression."""
        before, after = (dict.fromkeys(("training", "testing"), count) for count in (2 * proposals, proposals))
        return cls(made.anchor_generator, made.head, 0.7, 0.3, sampled, 0.5, before, after, made.nms_thresh)

    def assign_targets_to_anchors(
        self, anchors: list[Tensor], targets: list[dict[str, Tensor]]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Those of torchvision; -1 where an anchor is no example."""
        labels, boxes = super().assign_targets_to_anchors(anchors, targets)
        for some, where, target in zip(labels, anchors, targets, strict=True):
            some[passed_over(where, target)] = -1
        return labels, boxes
