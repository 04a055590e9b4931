"""Feature pyramids: maps of an image at several strides, from a network of torchvision or a small one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torchvision.models import get_model, list_models
from torchvision.ops import Conv2dNormActivation, FeaturePyramidNetwork, FrozenBatchNorm2d
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

from alframe.errors import ConfigurationError

FAMILIES = ("resnet", "mobilenet_v2", "mobilenet_v3")
SMALL = "small"
SMALL_WIDTHS = (16, 32, 64, 128, 128)
STRIDES = (4, 8, 16, 32)
"""The strides at which every network has layers; beyond them there is one more, pooled from the last."""
KEPT_STRIDE = 4
"""Of pretrained layers, those up to this stride stay as they are: edges and blobs are the same everywhere."""


class Pyramid(nn.Module):
    """A feature pyramid (Lin et al. 2017) over the layers of a network: images (B, 3, S, S) -> maps by level.

    Attributes:
        out_channels: of every map.
        levels: names of the maps that are not merely pooled from another.

    Args:
        name: ``small``, five strided convolutions that a CPU trains in a minute, or torchvision's name of a ResNet or
            MobileNet.
        weights: torchvision's name of pretrained weights, such as ``DEFAULT`` (downloaded on first use), or ``None``;
            pretrained layers keep their statistics, and the first of them their weights too.
        strides: pixels from one place of a level to the next, finest level first, each twice the one before.
        width: channels of every level.

    Raises:
        ConfigurationError: an unknown name or weights, strides that are no pyramid.
    """

    def __init__(self, name: str, weights: str | None, strides: Sequence[int], width: int) -> None:
        super().__init__()
        _check_strides(strides)
        body = _small_body(weights) if name == SMALL else _torchvision_body(name, weights)
        layers = _layers(body)
        last = {stride: (child, channels) for child, stride, channels in layers}
        levels = [last[stride] for stride in strides if stride in STRIDES]
        self.out_channels = width
        self.levels = [str(level) for level in range(len(levels))]
        self.fpn = FeaturePyramidNetwork(
            [channels for _, channels in levels],
            width,
            extra_blocks=LastLevelMaxPool() if len(levels) < len(strides) else None,
        )
        self._wanted = {child: level for (child, _), level in zip(levels, self.levels, strict=True)}
        names = [child for child, _, _ in layers]
        self.body = body[: names.index(levels[-1][0]) + 1]
        if weights is not None:
            for module, (_, stride, _) in zip(self.body, layers, strict=False):
                module.requires_grad_(stride > KEPT_STRIDE)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Maps (B, width, S / stride, S / stride), finest first."""
        values, maps = images, OrderedDict()
        for child, module in self.body.named_children():
            values = module(values)
            if child in self._wanted:
                maps[self._wanted[child]] = values
        found: dict[str, Tensor] = self.fpn(maps)
        return found


def check_levels(strides: Sequence[int], anchor_sizes: Sequence[int]) -> None:
    """Pass if there is one anchor size for each level.

    Raises:
        ConfigurationError: more or fewer.
    """
    if len(strides) != len(anchor_sizes):
        raise ConfigurationError(
            f"learner.architecture.anchor_sizes={list(anchor_sizes)} are {len(anchor_sizes)} for {len(strides)} levels "
            f"of strides {list(strides)}: give one for each"
        )


def _check_strides(strides: Sequence[int]) -> None:
    most = 2 * STRIDES[-1]
    if not strides or strides[0] not in STRIDES or strides[-1] > most or any(b != 2 * a for a, b in pairwise(strides)):
        raise ConfigurationError(
            f"learner.architecture.strides={list(strides)} are no pyramid: begin with one of "
            f"{', '.join(map(str, STRIDES))} and double it for each further level, up to {most}"
        )


def _small_body(weights: str | None) -> nn.Sequential:
    if weights is not None:
        raise ConfigurationError(
            f"learner.architecture.backbone={SMALL} has no pretrained weights: leave out backbone_weights={weights}, "
            "or choose a backbone of torchvision's, such as resnet18"
        )
    pairs = pairwise((3, *SMALL_WIDTHS))
    return nn.Sequential(*(Conv2dNormActivation(inside, outside, 3, stride=2) for inside, outside in pairs))


def _torchvision_body(name: str, weights: str | None) -> nn.Sequential:
    names = [model for model in list_models() if model.startswith(FAMILIES)]
    if name not in names:
        raise ConfigurationError(
            f"a detector has no backbone called {name!r}: learner.architecture.backbone is one of "
            f"{', '.join((SMALL, *names))}"
        )
    norm_layer = nn.BatchNorm2d if weights is None else FrozenBatchNorm2d
    try:
        model = get_model(name, weights=weights, norm_layer=norm_layer)
    except (ValueError, KeyError) as error:
        raise ConfigurationError(f"torchvision cannot build {name} with weights {weights!r}: {error}") from error
    if name.startswith("mobilenet"):
        features: nn.Sequential = model.features
        return features
    return nn.Sequential(OrderedDict(list(model.named_children())[:-2]))  # without pooling and the last layer


def _layers(body: nn.Sequential) -> list[tuple[str, int, int]]:
    """The layers of a network in turn: name, stride from the image, channels."""
    side = 2 * STRIDES[-1]
    values, found = torch.zeros(1, 3, side, side), []
    body.eval()
    with torch.no_grad():
        for child, module in body.named_children():
            values = module(values)
            found.append((child, side // values.shape[-1], values.shape[1]))
    body.train()
    return found
