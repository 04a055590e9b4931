from __future__ import annotations

from functools import partial
from typing import Any, cast

import pytest
import tiny
import torch
from torch import Tensor, nn

from alframe.errors import ConfigurationError
from alframe.learner import Backbone, Classifier, MCDropout, Network, SmallCNN, TorchvisionBackbone
from alframe.learner.channel_dropout import ChannelDropout
from alframe.learner.posterior import StageDraws, base
from alframe.types import Need

IMAGES = torch.randn(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))
CASES = [
    (SmallCNN, "conv2"),
    (partial(TorchvisionBackbone, name="resnet18"), "layer3"),
    (partial(TorchvisionBackbone, name="mobilenet_v3_small"), "features.10"),
    (partial(TorchvisionBackbone, name="vit_b_32"), "encoder_layer_10"),
    (partial(TorchvisionBackbone, name="swin_t"), "features.6"),
]


def make(backbone: Any = SmallCNN, stage: str = "conv2", draws: int = 4, **changes: Any) -> Classifier:
    torch.manual_seed(0)
    posterior = MCDropout(draws, from_stage=stage, rate=changes.pop("rate", None))
    classifier: Classifier = tiny.learner(backbone=backbone, posterior=posterior, **changes)((1, 8, 8), 3)
    return classifier.eval()


def drawn(classifier: Classifier, seed: int = 0) -> StageDraws:
    return cast("StageDraws", classifier.draws(torch.Generator().manual_seed(seed)))


def written_out(network: Network, draws: StageDraws, image: Tensor, t: int) -> Tensor:
    """Draw ``t`` of one image, (C,): stage by stage and layer by layer through the plain network under its masks."""
    (thinned,), (head,) = draws._backbones, draws._heads
    values = image.unsqueeze(0)
    for name, stage in cast("ChannelDropout", network.backbone).backbone.stages().items():
        values = stage(values * thinned.masks[name][t] if name in thinned.masks else values)
    for depth, (weight, bias) in enumerate(zip(head.weights, head.biases, strict=True)):
        values = (values if depth == 0 else values.relu()) @ weight[t].T + bias
    return values[0]


@pytest.mark.parametrize(("backbone", "stage"), CASES)
@torch.inference_mode()
def test_every_draw_is_one_thinned_network(backbone: Any, stage: str) -> None:
    """Draw t is the plain network with the channels of mask t set to zero and the rest scaled, the same for all."""
    classifier = make(backbone, stage)
    draws = drawn(classifier)
    logits = draws.logits(draws.trunk(IMAGES[:3]))
    network = cast("Network", classifier.networks[0])
    masks = draws._backbones[0].masks
    assert stage in masks
    for mask in masks.values():
        assert (torch.isclose(mask, torch.tensor(1 / 0.8)) | (mask == 0)).all()
        assert mask.numel() == len(mask) * mask.shape[draws._backbones[0].backbone.channel_axis]
    for t in range(4):
        each = torch.stack([written_out(network, draws, image, t) for image in IMAGES[:3]])
        torch.testing.assert_close(logits[:, t], each, rtol=1e-4, atol=1e-4)


@torch.inference_mode()
def test_masks_are_the_same_for_every_sample_and_batch() -> None:
    """A sample has the same draws alone, in any batch and at any place in it; another seed gives other draws."""
    draws = drawn(make(draws=7))
    together = draws.logits(draws.trunk(IMAGES))
    alone = torch.cat([draws.logits(draws.trunk(image.unsqueeze(0))) for image in IMAGES])
    torch.testing.assert_close(together, alone)
    again, other = (drawn(make(draws=7), seed) for seed in (0, 1))
    assert torch.equal(again.logits(again.trunk(IMAGES)), together)
    assert not torch.allclose(other.logits(other.trunk(IMAGES)), together)


@torch.inference_mode()
def test_how_many_draws_run_at_once_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """One draw at a time, some, or all: the same logits."""
    found = []
    for most in (1, 3 * 6 * 32 * 4, 2**30):
        monkeypatch.setattr(base, "AT_ONCE", most)
        draws = drawn(make(draws=7))
        found.append(draws.logits(draws.trunk(IMAGES)))
    torch.testing.assert_close(found[0], found[1])
    torch.testing.assert_close(found[0], found[2])


@pytest.mark.parametrize("stage", ["conv2", "head"])
@torch.inference_mode()
def test_draws_have_the_distribution_of_dropout(stage: str) -> None:
    """Mean and spread over many draws agree with as many stochastic passes through the whole network in training."""
    count, image = 4000, IMAGES[:1]
    classifier = make(stage=stage, draws=count)
    draws = drawn(classifier)
    logits = draws.logits(draws.trunk(image))[0]
    torch.manual_seed(2)
    passes = classifier.networks[0].train()(image.expand(count, -1, -1, -1))
    standard_error = (2 / count) ** 0.5 * passes.std(dim=0)
    assert ((logits.mean(dim=0) - passes.mean(dim=0)).abs() < 5 * standard_error).all()
    torch.testing.assert_close(logits.std(dim=0), passes.std(dim=0), rtol=0.1, atol=0)


@torch.inference_mode()
def test_the_trunk_runs_once_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is asked, the first convolution sees each image once; the second once per draw and once without."""
    monkeypatch.setattr(base, "AT_ONCE", 1)
    classifier = make(draws=5)
    seen: dict[str, list[int]] = {"first": [], "second": []}
    convolutions = [module for module in classifier.modules() if isinstance(module, nn.Conv2d)]
    for name, module in zip(seen, convolutions, strict=True):
        module.register_forward_hook(lambda _module, args, _output, name=name: seen[name].append(len(args[0])))
    draws = drawn(classifier)
    needs: set[Need] = {"samples", "probs", "embeddings"}
    for batch in (IMAGES, IMAGES[:2]):
        classifier.outputs(batch, draws, needs)
    assert seen["first"] == [6, 2]
    assert sorted(seen["second"]) == [2] * 6 + [6] * 6


@torch.inference_mode()
def test_features_have_all_channels() -> None:
    """Without draws the network is a plain one: embeddings and logits are those of its backbone."""
    classifier = make()
    network = cast("Network", classifier.networks[0])
    plain = cast("ChannelDropout", network.backbone).backbone
    draws = drawn(classifier)
    torch.testing.assert_close(draws.features(draws.trunk(IMAGES))[0], plain(IMAGES))
    torch.testing.assert_close(network(IMAGES), network.head(plain(IMAGES)))


def test_training_drops_whole_channels() -> None:
    """In training every image loses channels of its own, at the rate asked for, everywhere in the map."""
    backbone = ChannelDropout(SmallCNN((1, 8, 8)), "conv2", rate=0.3).train()
    seen: list[Tensor] = []
    second = [module for module in backbone.modules() if isinstance(module, nn.Conv2d)][1]
    second.register_forward_hook(lambda _module, args, _output: seen.append(args[0]))
    values = torch.ones(400, 32, 4, 4)
    backbone.rest(values)
    assert (seen[0] == seen[0][:, :, :1, :1]).all()
    dropped = seen[0][:, :, 0, 0] == 0
    assert dropped.float().mean().item() == pytest.approx(0.3, abs=0.02)
    kept = seen[0][:, :, 0, 0][~dropped]
    torch.testing.assert_close(kept, torch.full_like(kept, 1 / 0.7))
    assert not torch.equal(dropped[0], dropped[1])


def test_channels_may_have_a_rate_of_their_own() -> None:
    """The head keeps the learner's dropout, even none; without a rate, channels have the learner's too."""
    assert cast("Any", make(dropout=0.2).networks[0]).backbone.rate == 0.2
    classifier = make(dropout=0.0, rate=0.4)
    assert cast("Any", classifier.networks[0]).backbone.rate == 0.4
    draws = drawn(classifier)
    assert draws.logits(draws.trunk(IMAGES)).std(dim=1).min() > 0


def test_impossible_choices_are_refused() -> None:
    """The message says which stages there are, or which backbones have some."""

    class Uncut(Backbone):
        width = 64

        def forward(self, images: Tensor) -> Tensor:
            return images.flatten(1)

    with pytest.raises(ConfigurationError, match="from_stage is one of conv2, head, last_layer"):
        make(stage="conv1")
    with pytest.raises(ConfigurationError, match="layer1, layer2, layer3, layer4"):
        make(partial(TorchvisionBackbone, name="resnet18"), "layer5")
    with pytest.raises(ConfigurationError, match=r"Uncut has no stages .* choose learner/backbone=small_cnn"):
        make(lambda _shape: Uncut())
    with pytest.raises(ConfigurationError, match=r"rate must lie in \(0, 1\), got 1"):
        MCDropout(from_stage="conv2", rate=1.0)
    for stage in ("head", "last_layer"):
        with pytest.raises(ConfigurationError, match=r"only the head drops: set learner\.posterior\.from_stage"):
            MCDropout(from_stage=stage, rate=0.2)
    for stage in ("conv2", "head", "last_layer"):
        with pytest.raises(ConfigurationError, match=r"set learner\.dropout above 0"):
            drawn(make(stage=stage, dropout=0.0))


@torch.inference_mode()
def test_dropout_begins_before_the_last_layer_unless_asked_otherwise() -> None:
    """By default the draws are those of ``last_layer``; ``head`` gives others."""
    logits = []
    for posterior in (MCDropout(4), MCDropout(4, from_stage="last_layer"), MCDropout(4, from_stage="head")):
        torch.manual_seed(0)
        classifier = tiny.learner(posterior=posterior)((1, 8, 8), 3).eval()
        draws = classifier.draws(torch.Generator().manual_seed(0))
        logits.append(draws.logits(draws.trunk(IMAGES)))
    by_default, last_layer, head = logits
    assert torch.equal(by_default, last_layer)
    assert not torch.allclose(by_default, head)


@torch.inference_mode()
def test_before_the_last_layer_draws_spread_around_the_plain_logits() -> None:
    """All layers before it are without randomness: the mean over draws is the plain logits, their spread is known."""
    classifier = make(stage="last_layer", draws=4000, dropout=0.4)
    network = cast("Network", classifier.networks[0])
    draws = classifier.draws(torch.Generator().manual_seed(0))
    logits = draws.logits(draws.trunk(IMAGES))
    embeddings = network.head.embed(network.backbone(IMAGES))
    layer = cast("nn.Linear", network.head.layers[-1])
    spread = (embeddings.square() @ layer.weight.square().T * 0.4 / 0.6).sqrt()
    assert torch.allclose(logits.mean(dim=1), layer(embeddings), atol=4 * spread.max().item() / 4000**0.5)
    assert torch.allclose(logits.std(dim=1), spread, rtol=0.06)
