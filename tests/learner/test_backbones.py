from __future__ import annotations

import pytest
import torch
import torchvision
from torch import nn

from alframe.errors import ConfigurationError
from alframe.learner import SmallCNN, TorchvisionBackbone
from alframe.learner.channel_dropout import ChannelDropout

SMALL = ["resnet18", "mobilenet_v3_small", "efficientnet_b0", "convnext_tiny", "vit_b_32", "swin_t"]


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize(("side", "channels"), [(32, 1), (96, 3)])
def test_every_family_gives_features_of_its_width(name: str, side: int, channels: int) -> None:
    """Small grey images and larger colour ones give (B, width) features without a classifier or randomness on top."""
    backbone = TorchvisionBackbone((channels, side, side), name).eval()
    images = torch.randn(2, channels, side, side)
    with torch.inference_mode():
        features = backbone(images)
        torch.testing.assert_close(backbone(images), features)
    assert features.shape == (2, backbone.width)


def test_small_stem_keeps_resolution() -> None:
    """With the small stem a 32-pixel image reaches ResNet's first stage at full size; without it, at an eighth."""
    sides = {}
    for small in (True, False):
        backbone = TorchvisionBackbone((3, 32, 32), "resnet18", small_stem=small)
        seen: list[torch.Size] = []
        stage = backbone.model.get_submodule("layer1")
        stage.register_forward_hook(lambda _module, args, _output, seen=seen: seen.append(args[0].shape))
        backbone(torch.randn(2, 3, 32, 32))
        sides[small] = seen[0][-1]
    assert sides == {True: 32, False: 8}


def test_stem_that_keeps_its_shape_keeps_its_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """MobileNet's first convolution only changes its stride, so pretrained weights stay."""
    built: list[nn.Module] = []
    real = torchvision.models.get_model

    def remember(name: str, **options: object) -> nn.Module:
        built.append(real(name, **options))
        built.append(next(m for m in built[0].modules() if isinstance(m, nn.Conv2d)))
        return built[0]

    monkeypatch.setattr("alframe.learner.torchvision_backbone.get_model", remember)
    backbone = TorchvisionBackbone((3, 32, 32), "mobilenet_v3_small")
    stem = next(m for m in backbone.modules() if isinstance(m, nn.Conv2d))
    assert stem.stride == (1, 1)
    torch.testing.assert_close(stem.weight, built[1].weight)


def test_a_wrong_name_is_refused_with_the_nearest() -> None:
    """A typing mistake is answered with names that exist."""
    with pytest.raises(ConfigurationError, match="did you mean resnet18"):
        TorchvisionBackbone((3, 32, 32), "resnet8")
    with pytest.raises(ConfigurationError, match="weights 'NEWEST'"):
        TorchvisionBackbone((3, 32, 32), "resnet18", weights="NEWEST")


def test_pretrained_weights_are_torchvisions_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """``weights=DEFAULT`` loads the state that torchvision's weights give, all but the last layer."""
    from torchvision.models import ResNet18_Weights, resnet18

    torch.manual_seed(3)
    published = resnet18().state_dict()
    monkeypatch.setattr(ResNet18_Weights, "get_state_dict", lambda _self, **_options: published)
    loaded = TorchvisionBackbone((3, 224, 224), "resnet18", weights="DEFAULT").model.state_dict()
    for name, tensor in loaded.items():
        torch.testing.assert_close(tensor, published[name])
    assert set(published) - set(loaded) == {"fc.weight", "fc.bias"}


@pytest.mark.parametrize(("shape", "width"), [((1, 28, 28), 1024), ((1, 8, 8), 256), ((3, 32, 32), 1600)])
def test_small_cnn_has_the_papers_widths(shape: tuple[int, int, int], width: int) -> None:
    """On MNIST 1024 features reach the hidden layer of 128, as in Kirsch et al. 2019; tiny images still leave some."""
    backbone = SmallCNN(shape)
    assert backbone.width == width
    assert backbone(torch.randn(2, *shape)).shape == (2, width)
    assert backbone.hidden == (128,)


@pytest.mark.parametrize("name", [*SMALL, "resnet50", "efficientnet_v2_s", "swin_v2_t", "small_cnn"])
def test_stages_lead_from_images_to_features(name: str) -> None:
    """One stage after the other gives what the backbone gives, and each after the first can be cut by channels."""
    shape = (1, 32, 32)
    backbone = (SmallCNN(shape) if name == "small_cnn" else TorchvisionBackbone(shape, name)).eval()
    images = torch.randn(2, *shape)
    with torch.inference_mode():
        values, channels = images, []
        for stage in backbone.stages().values():
            channels.append(values.shape[backbone.channel_axis])
            values = stage(values)
        torch.testing.assert_close(values, backbone(images))
    assert len(channels) > 1
    assert channels[0] == (1 if backbone.channel_axis == 1 else 32)
    assert all(count >= 16 for count in channels[1:])


@pytest.mark.parametrize(
    ("name", "stage", "shape"),
    [
        ("resnet18", "layer2", [5, 64, 1, 1]),
        ("convnext_tiny", "features.3", [5, 192, 1, 1]),
        ("swin_t", "features.3", [5, 1, 1, 192]),
        ("vit_b_32", "encoder_layer_4", [5, 1, 768]),
    ],
)
def test_masks_lie_along_the_channels(name: str, stage: str, shape: list[int]) -> None:
    """Channels are a map's second axis in convolutional networks and the last in transformers."""
    backbone = ChannelDropout(TorchvisionBackbone((3, 32, 32), name), stage, rate=0.5).eval()
    with torch.inference_mode():
        assert backbone.masks_shape(5, backbone.trunk(torch.randn(2, 3, 32, 32))) == shape
