"""RetinaNet, FCOS and SSDlite."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import detection
from torchvision.models.detection.anchor_utils import AnchorGenerator, DefaultBoxGenerator
from torchvision.models.detection.retinanet import RetinaNetHead
from torchvision.models.detection.ssd import SSD
from torchvision.models.detection.ssdlite import SSDLiteClassificationHead, SSDLiteHead
from torchvision.ops import box_iou

from alframe.errors import ConfigurationError
from alframe.learner.classes import ClassRows, layer_rows, rows_of
from alframe.learner.detection.network import Maps
from alframe.learner.detection.one_stage import OneStage, exclusive
from alframe.learner.detection.pretrained import pretrained
from alframe.learner.detection.pyramid import Pyramid, check_levels

NORMALISED = 32
"""Groups of channels that are normalised together in heads of four convolutions; without, they hardly learn."""
PRIOR = 0.01
"""What the probability of each class is at every anchor before training, as in the papers."""


class RetinaNet(OneStage):
    """RetinaNet (Lin et al. 2017): a sigmoid for each class at every anchor, trained with the focal loss.

    The C probabilities are made a distribution over C + 1 by ``exclusive``.

    Args:
        image_shape: (channels, height, width).
        num_classes: C.
        dropout: probability of dropping a channel of the maps.
        weights: torchvision's name of a whole detector, such as ``retinanet_resnet50_fpn_v2``, that is taken as it is,
            its last layer apart: with its backbone, strides and anchors instead of those below. ``None``: new weights.
        backbone: ``small``, or torchvision's name of a ResNet or MobileNet.
        backbone_weights: torchvision's name of the backbone's pretrained weights, such as ``DEFAULT``, or ``None``.
        strides: of the pyramid's levels, in pixels, finest first.
        anchor_sizes: side of a square anchor at each level, in pixels of the tensor.
        aspect_ratios: height by width of the anchors.
        width: channels of the pyramid, a multiple of 32.

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
        strides: Sequence[int] = (8, 16, 32, 64),
        anchor_sizes: Sequence[int] = (16, 32, 64, 128),
        aspect_ratios: Sequence[float] = (0.5, 1.0, 2.0),
        width: int = 64,
    ) -> None:
        super().__init__(image_shape, num_classes, dropout)
        _check_width(width)
        if weights is not None:
            self.model = pretrained(weights, "retinanet")
            _replace_classes(self.model.head.classification_head, num_classes)
        else:
            check_levels(strides, anchor_sizes)
            anchors = AnchorGenerator(
                tuple((size,) for size in anchor_sizes), (tuple(aspect_ratios),) * len(anchor_sizes)
            )
            pyramid = Pyramid(backbone, backbone_weights, strides, width)
            of_each = anchors.num_anchors_per_location()[0]
            head = RetinaNetHead(width, of_each, num_classes, norm_layer=partial(nn.GroupNorm, NORMALISED))
            self.model = detection.RetinaNet(pyramid, num_classes, anchor_generator=anchors, head=head)

    def class_rows(self, classes: int) -> Mapping[str, ClassRows]:
        """A sigmoid for each class at every anchor."""
        return _rows_of_sigmoids(self.model.head.classification_head, classes)

    def _losses(
        self,
        maps: Maps,  # noqa: ARG002
        outputs: dict[str, Tensor],
        anchors: list[Tensor],
        targets: list[dict[str, Tensor]],
    ) -> Mapping[str, Tensor]:
        losses: Mapping[str, Tensor] = self.model.compute_loss(targets, outputs, anchors)
        return losses

    def _read(self, outputs: Mapping[str, Tensor], anchors: Tensor) -> tuple[Tensor, Tensor]:
        boxes = self.model.box_coder.decode_single(outputs["bbox_regression"], anchors)
        return exclusive(outputs["cls_logits"].sigmoid()), boxes


class FCOS(OneStage):
    """FCOS (Tian et al. 2019): a sigmoid for each class and distances to the edges at every place of the maps.

    A class's probability is the geometric mean of its own and of the place's centredness, as torchvision scores it; the
    C of them are made a distribution over C + 1 by ``exclusive``.

    Args:
        image_shape: (channels, height, width).
        num_classes: C.
        dropout: probability of dropping a channel of the maps.
        weights: torchvision's name of a whole detector, ``fcos_resnet50_fpn``, that is taken as it is, its last layer
            apart: with its backbone and strides instead of those below. ``None`` for new weights.
        backbone: ``small``, or torchvision's name of a ResNet or MobileNet.
        backbone_weights: torchvision's name of the backbone's pretrained weights, such as ``DEFAULT``, or ``None``.
        strides: of the pyramid's levels, in pixels, finest first; a level is for objects that reach 4 to 8 times its
            stride from where they are seen, the first and last for smaller and larger ones too.
        width: channels of the pyramid, a multiple of 32.

    Raises:
        ConfigurationError: names that torchvision does not know; strides that are no pyramid; another width.
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
        strides: Sequence[int] = (8, 16, 32),
        width: int = 64,
    ) -> None:
        super().__init__(image_shape, num_classes, dropout)
        _check_width(width)
        if weights is not None:
            self.model = pretrained(weights, "fcos")
            _replace_classes(self.model.head.classification_head, num_classes)
        else:
            anchors = AnchorGenerator(tuple((stride,) for stride in strides), ((1.0,),) * len(strides))
            pyramid = Pyramid(backbone, backbone_weights, strides, width)
            self.model = detection.FCOS(pyramid, num_classes, anchor_generator=anchors)

    def class_rows(self, classes: int) -> Mapping[str, ClassRows]:
        """A sigmoid for each class at every place."""
        return _rows_of_sigmoids(self.model.head.classification_head, classes)

    def _losses(
        self, maps: Maps, outputs: dict[str, Tensor], anchors: list[Tensor], targets: list[dict[str, Tensor]]
    ) -> Mapping[str, Tensor]:
        places = [values.shape[2] * values.shape[3] for values in maps.values()]
        losses: Mapping[str, Tensor] = self.model.compute_loss(targets, outputs, anchors, places)
        return losses

    def _read(self, outputs: Mapping[str, Tensor], anchors: Tensor) -> tuple[Tensor, Tensor]:
        boxes = self.model.box_coder.decode(outputs["bbox_regression"], anchors)
        return exclusive((outputs["cls_logits"].sigmoid() * outputs["bbox_ctrness"].sigmoid()).sqrt()), boxes


class SSDLite(OneStage):
    """SSDlite (Sandler et al. 2018): a softmax at every anchor from separable convolutions, hard negatives only.

    Images without an object teach it nothing: its loss takes three negatives for each positive of the same image.

    Args:
        image_shape: (channels, height, width).
        num_classes: C.
        dropout: probability of dropping a channel of the maps.
        weights: torchvision's name of a whole detector, ``ssdlite320_mobilenet_v3_large``, that is taken as it is, its
            last layers apart: with its backbone, strides and anchors instead of those below. ``None`` for new weights.
        backbone: ``small``, or torchvision's name of a ResNet or MobileNet.
        backbone_weights: torchvision's name of the backbone's pretrained weights, such as ``DEFAULT``, or ``None``.
        strides: of the pyramid's levels, in pixels, finest first.
        anchor_sizes: side of a square anchor at each level, in pixels of the tensor; there are anchors between it and
            the next, and two and three times as wide or high.
        width: channels of the pyramid.

    Raises:
        ConfigurationError: names that torchvision does not know; strides that are no pyramid, or not one for each
            anchor size.
    """

    first_class = 1

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
        width: int = 64,
    ) -> None:
        super().__init__(image_shape, num_classes, dropout)
        normalise = partial(nn.BatchNorm2d, eps=0.001, momentum=0.03)
        if weights is not None:
            self.model = pretrained(weights, "ssdlite")
            head = self.model.head.classification_head
            channels = [block[1].in_channels for block in head.module_list]
            anchors = self.model.anchor_generator.num_anchors_per_location()
            self.model.head.classification_head = SSDLiteClassificationHead(
                channels, anchors, num_classes + 1, normalise
            )
        else:
            check_levels(strides, anchor_sizes)
            side = image_shape[1]
            sizes = (*anchor_sizes, 2 * anchor_sizes[-1])  # the last one's anchors reach half way to the next
            boxes = DefaultBoxGenerator([[2, 3]] * len(strides), scales=[size / side for size in sizes], clip=False)
            pyramid = Pyramid(backbone, backbone_weights, strides, width)
            levels = [width] * len(strides)
            ssd_head = SSDLiteHead(levels, boxes.num_anchors_per_location(), num_classes + 1, normalise)
            self.model = SSD(pyramid, boxes, (side, side), num_classes + 1, head=ssd_head)

    def class_rows(self, classes: int) -> Mapping[str, ClassRows]:
        """Of each level the second convolution: logits at every anchor, background first."""
        found: dict[str, ClassRows] = {}
        for level, anchors in enumerate(self.model.anchor_generator.num_anchors_per_location()):
            rows = rows_of(classes, background=True, times=anchors)
            found |= layer_rows(f"model.head.classification_head.module_list.{level}.1", rows)
        return found

    def _losses(
        self,
        maps: Maps,  # noqa: ARG002
        outputs: dict[str, Tensor],
        anchors: list[Tensor],
        targets: list[dict[str, Tensor]],
    ) -> Mapping[str, Tensor]:
        matched = [
            self.model.proposal_matcher(box_iou(target["boxes"], where))
            if len(target["boxes"])
            else torch.full_like(where[:, 0], -1, dtype=torch.int64)
            for where, target in zip(anchors, targets, strict=True)
        ]
        losses: Mapping[str, Tensor] = self.model.compute_loss(targets, outputs, anchors, matched)
        return losses

    def _read(self, outputs: Mapping[str, Tensor], anchors: Tensor) -> tuple[Tensor, Tensor]:
        boxes = self.model.box_coder.decode_single(outputs["bbox_regression"], anchors)
        return outputs["cls_logits"].softmax(dim=-1).roll(-1, dims=-1), boxes


def _check_width(width: int) -> None:
    if width < 1 or width % NORMALISED:
        raise ConfigurationError(f"learner.architecture.width must be a multiple of {NORMALISED}, got {width}")


def _rows_of_sigmoids(head: Any, classes: int) -> Mapping[str, ClassRows]:
    return layer_rows("model.head.classification_head.cls_logits", rows_of(classes, times=head.num_anchors))


def _replace_classes(head: Any, num_classes: int) -> None:
    """Give a classification head of sigmoids a new last layer for other classes."""
    old = head.cls_logits
    head.cls_logits = nn.Conv2d(old.in_channels, head.num_anchors * num_classes, 3, padding=1)
    nn.init.normal_(head.cls_logits.weight, std=0.01)
    nn.init.constant_(head.cls_logits.bias, math.log(PRIOR / (1 - PRIOR)))
    head.num_classes = num_classes
