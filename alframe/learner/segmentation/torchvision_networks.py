"""Networks for segmentation from torchvision: DeepLabV3, FCN and LR-ASPP."""

from __future__ import annotations

from typing import Any, Literal, cast

import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models import get_model

from alframe.errors import ConfigurationError
from alframe.learner.segmentation.network import SegmentationNetwork, Thin, Trunk, classification


class _Dilated(SegmentationNetwork):
    """A dilated backbone under its context, a convolution and the classification of each cell.

    Args:
        model: torchvision's.
        context: what of its head comes before the last block.
        block: a convolution with its normalisation and activation.
        classes: how many there are, with background.
    """

    def __init__(self, model: Any, context: nn.Module, block: nn.Sequential, classes: int) -> None:
        super().__init__()
        self.backbone, self.context, self.block = model.backbone, context, block
        convolution = cast("nn.Conv2d", block[0])
        self.classify = classification(convolution.out_channels, classes)
        self.droppable = {"before": convolution.in_channels, "within": convolution.out_channels}

    def trunk(self, images: Tensor) -> Trunk:
        """The backbone and the context."""
        features = self.backbone(_as_colour(images))["out"]
        return Trunk((self.context(features),), features)

    def last_block(self, maps: tuple[Tensor, ...], thin: Thin) -> Tensor:
        """Logits (B, classes, h, w) at an eighth or a sixteenth of the resolution."""
        values = self.block(thin("before", maps[0]))
        logits: Tensor = self.classify(thin("within", values))
        return logits


class DeepLabV3(_Dilated):
    """DeepLabV3 (Chen et al. 2017): atrous convolutions of several rates side by side.

    Their dropout behind these is the one before the last block here, of whole channels.

    Args:
        image_shape: (channels, height, width); grey images are repeated to three channels.
        classes: how many there are, with background.
        backbone: ``mobilenet_v3_large``, ``resnet50`` or ``resnet101``.
        weights: torchvision's name of pretrained weights, such as ``DEFAULT`` (downloaded on first use), or ``None``;
            the classification begins untrained.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],  # noqa: ARG002 (what every network is given)
        classes: int,
        backbone: Literal["mobilenet_v3_large", "resnet50", "resnet101"] = "mobilenet_v3_large",
        weights: str | None = None,
    ) -> None:
        model = _build(f"deeplabv3_{backbone}", weights)
        context, *block, _classify = model.classifier
        context.project[-1] = nn.Identity()
        super().__init__(model, context, nn.Sequential(*block), classes)


class FCN(_Dilated):
    """A fully convolutional network (Long et al. 2015) over a dilated ResNet.

    Args:
        image_shape: (channels, height, width); grey images are repeated to three channels.
        classes: how many there are, with background.
        backbone: ``resnet50`` or ``resnet101``.
        weights: torchvision's name of pretrained weights, such as ``DEFAULT`` (downloaded on first use), or ``None``;
            the classification begins untrained.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],  # noqa: ARG002 (what every network is given)
        classes: int,
        backbone: Literal["resnet50", "resnet101"] = "resnet50",
        weights: str | None = None,
    ) -> None:
        model = _build(f"fcn_{backbone}", weights)
        *block, _dropout, _classify = model.classifier
        super().__init__(model, nn.Identity(), nn.Sequential(*block), classes)


class LRASPP(SegmentationNetwork):
    """LR-ASPP over MobileNetV3 (Howard et al. 2019): deep features, weighed by the whole image, beside fine ones.

    Args:
        image_shape: (channels, height, width); grey images are repeated to three channels.
        classes: how many there are, with background.
        weights: torchvision's name of pretrained weights, such as ``DEFAULT`` (downloaded on first use), or ``None``;
            the classification begins untrained.
    """

    last = ("block", "scale", "classify_mixed", "classify_fine")
    classifies = ("classify_mixed", "classify_fine")

    def __init__(
        self,
        image_shape: tuple[int, int, int],  # noqa: ARG002 (what every network is given)
        classes: int,
        weights: str | None = None,
    ) -> None:
        super().__init__()
        model = _build("lraspp_mobilenet_v3_large", weights)
        self.backbone, head = model.backbone, model.classifier
        self.block, self.scale = head.cbr, head.scale
        mixed, fine = head.high_classifier.in_channels, head.low_classifier.in_channels
        self.classify_mixed = classification(mixed, classes)
        self.classify_fine = nn.Conv2d(fine, classes, kernel_size=1, bias=False)
        self.droppable = {"deep": self.block[0].in_channels, "mixed": mixed, "fine": fine}

    def trunk(self, images: Tensor) -> Trunk:
        """The backbone: deep features, and finer ones on the way to them."""
        features = self.backbone(_as_colour(images))
        return Trunk((features["high"], features["low"]), features["high"])

    def last_block(self, maps: tuple[Tensor, ...], thin: Thin) -> Tensor:
        """Logits (B, classes, h, w) at an eighth of the resolution."""
        deep, fine = thin("deep", maps[0]), thin("fine", maps[1])
        mixed = thin("mixed", self.block(deep) * self.scale(deep))
        mixed = F.interpolate(mixed, fine.shape[2:], mode="bilinear", align_corners=False)
        logits: Tensor = self.classify_fine(fine) + self.classify_mixed(mixed)
        return logits


def _build(name: str, weights: str | None) -> Any:
    try:
        return get_model(name, weights=weights, weights_backbone=None)
    except (ValueError, KeyError) as error:
        raise ConfigurationError(f"torchvision cannot build {name} with weights {weights!r}: {error}") from error


def _as_colour(images: Tensor) -> Tensor:
    return images.expand(-1, 3, -1, -1)
