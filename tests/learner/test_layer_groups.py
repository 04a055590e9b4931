"""Groups of layers, and training them at rates of their own."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any, cast

import finders
import pytest
import tiny
import torch
from torch import Tensor, nn

from alframe.learner import Backbone, Learner, Segmenter, TorchvisionBackbone, schedules
from alframe.learner.layer_groups import LayerGroups
from alframe.learner.posterior import Ensemble, MCDropout, SnapshotEnsemble
from alframe.learner.segmentation import FCN, LRASPP, DeepLabV3, PointEstimate, UNet


def segmenter(architecture: Any) -> Learner:
    return Segmenter(
        (1, 32, 32),
        2,
        architecture=architecture,
        posterior=PointEstimate(),
        optimizer=partial(torch.optim.SGD, lr=0.1),
        schedule=schedules.constant,
    )


def held(groups: LayerGroups) -> Counter[nn.Parameter]:
    """How often each parameter is in a group."""
    own = (module.parameters(recurse=False) for modules in groups.values() for module in modules)
    return Counter(weights for some in own for weights in some)


@pytest.mark.parametrize(
    "make",
    [
        lambda: tiny.learner(predicts_loss=True)((1, 8, 8), 3),
        lambda: tiny.learner(posterior=MCDropout(2, from_stage="conv2"))((1, 8, 8), 3),
        lambda: tiny.learner(posterior=Ensemble(2))((1, 8, 8), 3),
        *(partial(finders.build, name, 2) for name in finders.ARCHITECTURES),
        *(partial(segmenter, architecture) for architecture in (UNet, DeepLabV3, FCN, LRASPP)),
    ],
)
def test_each_parameter_is_in_one_group(make: Any) -> None:
    """And the head is the last of several."""
    with torch.device("meta"):
        learner = make()
    groups = learner.layer_groups()
    assert list(groups)[-1] == "head"
    assert len(groups) > 2
    assert held(groups) == Counter(learner.parameters())


@pytest.mark.parametrize(
    "name", ["resnet18", "mobilenet_v3_small", "efficientnet_b0", "convnext_tiny", "vit_b_16", "swin_t"]
)
def test_groups_of_a_backbone_are_its_stages(name: str) -> None:
    """By name and order; what a stage makes of its input depends on the parameters of its group, and on no others."""
    with torch.device("meta"):
        backbone = TorchvisionBackbone((3, 32, 32), name)
        values = torch.empty(2, 3, 32, 32)
        groups = backbone.layer_groups()
        assert list(groups) == list(backbone.stages())
        assert held(groups) == Counter(backbone.parameters())
        for stage, run in backbone.stages().items():
            backbone.zero_grad()
            values = run(values.detach())
            if values.requires_grad:
                torch.autograd.backward(values.sum())
            reached = {weights for weights in backbone.parameters() if weights.grad is not None}
            assert reached == set(held({stage: groups[stage]}))


class Uncut(Backbone):
    """One layer, which cannot be cut into stages."""

    def __init__(self, image_shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.width = 4
        self.layer = nn.Linear(image_shape[1] * image_shape[2], 4)

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.layer(images.flatten(1))
        return features


def test_a_backbone_without_stages_is_one_group() -> None:
    """Beside the head."""
    learner = tiny.learner(backbone=Uncut)((1, 8, 8), 3)
    assert list(learner.layer_groups()) == ["backbone", "head"]
    assert held(learner.layer_groups()) == Counter(learner.parameters())


def test_only_the_network_that_is_trained_has_groups() -> None:
    """Of snapshots, the first."""
    learner = tiny.learner(posterior=SnapshotEnsemble(3))((1, 8, 8), 3)
    assert held(learner.layer_groups()) == Counter(learner.trained_parameters())


def test_what_stays_as_it_is_has_no_gradient_and_is_in_evaluation_until_it_learns_again() -> None:
    """Whatever mode the rest is in; what had no gradient before has none afterwards."""
    learner = segmenter(partial(UNet, widths=(4, 8, 8)))
    network = cast("UNet", learner.get_submodule("networks.0"))
    first, second = network.down[:2]
    kept = next(network.up.parameters())
    kept.requires_grad_(False)
    learner.learn_at({"down.0": 0.0, "up.0": 0.0, "up.1": 0.5})
    assert not any(weights.requires_grad for weights in first.parameters())
    assert all(weights.requires_grad for weights in second.parameters())
    learner.train()
    assert not any(module.training for module in first.modules())
    assert all(module.training for module in second.modules())
    learner.learn_at({})
    assert all(module.training for module in learner.modules())
    assert [name for name, weights in learner.named_parameters() if not weights.requires_grad] == [
        name for name, weights in learner.named_parameters() if weights is kept
    ]
