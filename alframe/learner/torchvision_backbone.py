"""Backbones from torchvision: ResNet, MobileNetV3, EfficientNet, ConvNeXt, ViT and Swin."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import partial

import torch
from torch import Tensor, nn
from torchvision.models import SwinTransformer, VisionTransformer, get_model, list_models

from alframe.errors import ConfigurationError
from alframe.learner.backbone import Backbone
from alframe.learner.layer_groups import LayerGroups

FAMILIES = ("resnet", "mobilenet_v3", "efficientnet", "convnext", "vit", "swin")
SMALL_IMAGE = 64
"""Images of at most this side get the small stem unless told otherwise."""
SMALL_VIT_PATCH = 4
STAGE = re.compile(r"layer\d+|features\.[1-9]\d*|encoder_layer_\d+")
"""torchvision's names of what can be cut from what lies before; ``features.0`` is a stem."""


class TorchvisionBackbone(Backbone):
    """A torchvision classifier without its last layer.

    Args:
        image_shape: (channels, height, width); grey images are repeated to three channels.
        name: torchvision's name: ``resnet18``, ``mobilenet_v3_small``, ``efficientnet_b0``, ``convnext_tiny``,
            ``vit_b_16``, ``swin_t``, ...
        weights: torchvision's name of pretrained weights, such as ``DEFAULT`` (downloaded on first use), or ``None``.
        small_stem: keep more of the resolution of images of about 32 pixels: first strides of 1, patches of 2
            (ConvNeXt, Swin) or 4 (ViT). ``None`` does so for images of up to 64 pixels. A stem whose shape changes
            begins untrained, pretrained weights or not.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        name: str,
        weights: str | None = None,
        small_stem: bool | None = None,
    ) -> None:
        super().__init__()
        side = image_shape[1]
        small = side <= SMALL_IMAGE if small_stem is None else small_stem
        self.model = _build(name, weights, side, small)
        if small:
            _shrink_stem(self.model, side)
        self.width = _take_off_last_layer(self.model)
        self.channel_axis = -1 if isinstance(self.model, SwinTransformer | VisionTransformer) else 1

    def forward(self, images: Tensor) -> Tensor:
        """Pooled features (B, width)."""
        features: Tensor = self.model(_as_colour(images))
        return features

    def stages(self) -> Mapping[str, Callable[[Tensor], Tensor]]:
        """The stem and the stages that torchvision names, the last with all that follows."""
        pieces: dict[str, list[Callable[[Tensor], Tensor]]] = {"stem": [_as_colour]}
        for name, piece in _pieces(self.model):
            if STAGE.fullmatch(name):
                pieces[name] = []
            pieces[next(reversed(pieces))].append(piece)
        return {name: partial(_in_turn, parts) for name, parts in pieces.items()}

    def layer_groups(self) -> LayerGroups:
        """The modules of each stage; torchvision registers them in the order of the forward pass."""
        groups: dict[str, list[nn.Module]] = {"stem": []}
        for name, module in self.model.named_modules():
            stage = STAGE.search(name)
            groups.setdefault(stage.group() if stage else next(reversed(groups)), []).append(module)
        return groups


def _build(name: str, weights: str | None, side: int, small: bool) -> nn.Module:
    names = [model for model in list_models() if model.startswith(FAMILIES) and "_quantized" not in model]
    if name not in names:
        nearest = get_close_matches(name, names, n=3) or names
        raise ConfigurationError(f"no torchvision backbone is called {name!r}; did you mean {', '.join(nearest)}?")
    options = {}
    if name.startswith("vit"):
        # A ViT fixes its number of patches when it is built: as many as the small patches will be.
        options["image_size"] = side * int(name.rsplit("_", 1)[1]) // SMALL_VIT_PATCH if small else side
    try:
        model: nn.Module = get_model(name, weights=weights, **options)
    except (ValueError, KeyError) as error:
        raise ConfigurationError(f"torchvision cannot build {name} with weights {weights!r}: {error}") from error
    return model


def _shrink_stem(model: nn.Module, side: int) -> None:
    place, first = next((name, m) for name, m in model.named_modules() if isinstance(m, nn.Conv2d))
    if isinstance(model, VisionTransformer):
        model.image_size, model.patch_size = side, SMALL_VIT_PATCH
        kernel, stride, padding = SMALL_VIT_PATCH, SMALL_VIT_PATCH, 0
    elif first.kernel_size == first.stride:
        kernel, stride, padding = 2, 2, 0
    else:
        kernel, stride, padding = 3, 1, 1
    bias = first.bias is not None
    stem = nn.Conv2d(first.in_channels, first.out_channels, kernel, stride, padding, bias=bias)
    if stem.weight.shape == first.weight.shape:
        stem.load_state_dict(first.state_dict())
    model.set_submodule(place, stem)
    if hasattr(model, "maxpool"):
        model.maxpool = nn.Identity()


def _take_off_last_layer(model: nn.Module) -> int:
    """Replace the last linear layer, and the dropout of its block, by nothing; return the width that it read."""
    place, last = [(name, m) for name, m in model.named_modules() if isinstance(m, nn.Linear)][-1]
    model.set_submodule(place, nn.Identity())
    block, _, _ = place.rpartition(".")
    if block:
        for name, module in model.get_submodule(block).named_modules():
            if isinstance(module, nn.Dropout):
                model.set_submodule(f"{block}.{name}", nn.Identity())
    return last.in_features


def _as_colour(images: Tensor) -> Tensor:
    return images.expand(-1, 3, -1, -1)


def _in_turn(pieces: Iterable[Callable[[Tensor], Tensor]], values: Tensor) -> Tensor:
    for piece in pieces:
        values = piece(values)
    return values


def _pieces(model: nn.Module) -> Iterator[tuple[str, Callable[[Tensor], Tensor]]]:
    """What a forward pass goes through in turn, by torchvision's names."""
    if isinstance(model, VisionTransformer):
        yield "tokens", partial(_tokens, model)
        yield from model.encoder.layers.named_children()
        yield "ln", model.encoder.ln
        yield "class_token", lambda tokens: tokens[:, 0]
        yield "heads", model.heads
        return
    flattens_itself = any(isinstance(module, nn.Flatten) for module in model.modules())
    for name, child in model.named_children():
        if name == "features":
            yield from ((f"features.{place}", stage) for place, stage in child.named_children())
        else:
            yield name, child
        if name == "avgpool" and not flattens_itself:
            yield "flatten", partial(torch.flatten, start_dim=1)


def _tokens(model: VisionTransformer, images: Tensor) -> Tensor:
    """Embedded patches behind the class token, (B, patches + 1, width)."""
    patches = model.conv_proj(images).flatten(2).transpose(1, 2)
    tokens = torch.cat([model.class_token.expand(len(images), -1, -1), patches], dim=1)
    embedded: Tensor = model.encoder.dropout(tokens + model.encoder.pos_embedding)
    return embedded
