from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torchvision.models import get_model
from torchvision.ops import FrozenBatchNorm2d

from alframe.errors import ConfigurationError
from alframe.learner.detection import FCOS, FasterRCNN, RetinaNet, SSDLite, pyramid
from alframe.learner.detection.pyramid import Pyramid

IMAGES = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", ["small", "resnet18", "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large"])
@pytest.mark.parametrize("strides", [(4,), (8, 16, 32), (4, 8, 16, 32, 64)])
def test_every_level_has_its_stride(name: str, strides: tuple[int, ...]) -> None:
    """Whatever the network, and no layer is there that no level needs."""
    levels = Pyramid(name, None, strides, 32)
    maps = levels(IMAGES)
    assert [values.shape[1:] for values in maps.values()] == [(32, 64 // stride, 64 // stride) for stride in strides]
    assert list(maps)[: len(levels.levels)] == levels.levels
    sum(values.sum() for values in maps.values()).backward()
    used = [weights.grad is not None for weights in levels.body.parameters()]
    assert all(used)


def test_the_last_layers_before_the_image_shrinks_are_taken() -> None:
    """Of a ResNet the ends of its stages, which is what everybody builds on."""
    levels = Pyramid("resnet18", None, (8, 16), 32)
    assert list(levels.body._modules)[-1] == "layer3"
    assert levels._wanted == {"layer2": "0", "layer3": "1"}


def test_pretrained_layers_keep_their_statistics_and_the_first_their_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """As torchvision's own detectors do; the pyramid over them is learnt."""
    asked: list[Any] = []

    def build(name: str, weights: str, norm_layer: Any) -> Any:
        asked.append(weights)
        return get_model(name, weights=None, norm_layer=norm_layer)

    monkeypatch.setattr(pyramid, "get_model", build)
    levels = Pyramid("resnet18", "DEFAULT", (8, 16, 32), 32)
    assert asked == ["DEFAULT"]
    kinds = {type(module) for module in levels.body.modules()}
    assert FrozenBatchNorm2d in kinds
    assert nn.BatchNorm2d not in kinds
    learnt = {name.split(".")[0] for name, weights in levels.body.named_parameters() if weights.requires_grad}
    assert learnt == {"layer2", "layer3", "layer4"}
    assert all(weights.requires_grad for weights in levels.fpn.parameters())


@pytest.mark.parametrize("strides", [(), (2, 4), (4, 16), (8, 4), (64,), (16, 32, 64, 128)])
def test_strides_that_are_no_pyramid_are_refused(strides: tuple[int, ...]) -> None:
    """The message shows one that is."""
    with pytest.raises(ConfigurationError, match=r"strides=.* are no pyramid"):
        Pyramid("small", None, strides, 32)


def test_backbones_that_do_not_exist_are_refused() -> None:
    """And weights that do not."""
    with pytest.raises(ConfigurationError, match="no backbone called 'resnet19'"):
        Pyramid("resnet19", None, (8,), 32)
    with pytest.raises(ConfigurationError, match="small has no pretrained weights"):
        Pyramid("small", "DEFAULT", (8,), 32)
    with pytest.raises(ConfigurationError, match="with weights 'NONE_SUCH'"):
        Pyramid("resnet18", "NONE_SUCH", (8,), 32)


@pytest.mark.parametrize("make", [FasterRCNN, RetinaNet, SSDLite])
def test_a_level_without_an_anchor_size_is_refused(make: Any) -> None:
    """One for each."""
    with pytest.raises(ConfigurationError, match="give one for each"):
        make((3, 32, 32), 2, 0.1, strides=(4, 8), anchor_sizes=(8,))


@pytest.mark.parametrize("make", [RetinaNet, FCOS])
def test_widths_that_cannot_be_normalised_in_groups_are_refused(make: Any) -> None:
    """Their heads normalise 32 groups of channels."""
    with pytest.raises(ConfigurationError, match="multiple of 32"):
        make((3, 32, 32), 2, 0.1, width=48)
