from __future__ import annotations

import logging
import warnings
from functools import partial
from typing import Any

import pytest
import tiny
import torch
from torch import Tensor

from alframe.errors import ConfigurationError
from alframe.learner import Backbone, Classifier, Ensemble, SmallCNN, TorchvisionBackbone
from alframe.learner.posterior import LastLayerDraws, StackedDraws
from alframe.types import Need

IMAGES = torch.randn(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))
NEEDS: set[Need] = {"samples", "probs", "embeddings"}


def make(backbone: Any = SmallCNN, *, stacked: bool | None) -> Classifier:
    torch.manual_seed(0)
    classifier: Classifier = tiny.learner(backbone=backbone, posterior=Ensemble(3, stacked=stacked))((1, 8, 8), 3)
    for network in classifier.networks:
        for name, values in network.named_buffers():
            if name.endswith("running_mean"):
                values.uniform_()  # batch norm as it is after training: members differ in buffers too
    return classifier.eval()


@pytest.mark.parametrize(
    "backbone", [SmallCNN, *(partial(TorchvisionBackbone, name=name) for name in ("resnet18", "mobilenet_v3_small"))]
)
@torch.inference_mode()
def test_stacked_members_predict_as_one_by_one(backbone: Any, caplog: pytest.LogCaptureFixture) -> None:
    """All that is asked of a batch is the same to rounding, and the stack was used."""
    loop, stacked = (make(backbone, stacked=choice) for choice in (False, True))
    draws = [classifier.draws(torch.Generator()) for classifier in (loop, stacked)]
    assert [type(draw) for draw in draws] == [LastLayerDraws, StackedDraws]
    with caplog.at_level(logging.INFO):
        one, together = (c.outputs(IMAGES, draw, NEEDS) for c, draw in zip((loop, stacked), draws, strict=True))
    for need in NEEDS:
        torch.testing.assert_close(together[need], one[need], rtol=1e-4, atol=1e-5)
    assert not caplog.records


class Branching(Backbone):
    """Looks at its values to decide what to do, which vmap cannot follow."""

    width = 64

    def __init__(self, image_shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.randn(image_shape[1]))

    def forward(self, images: Tensor) -> Tensor:
        features = (images * self.scale).flatten(1)
        return features if features.sum() > 0 else 2 * features


class Unbatched(Branching):
    """Has an operation that vmap has no rule for, of which torch warns."""

    def forward(self, images: Tensor) -> Tensor:
        warnings.warn("There is a performance drop because of a batching rule", UserWarning, stacklevel=1)
        return (images * self.scale).flatten(1)


@pytest.mark.filterwarnings("ignore:There is a performance drop")
@pytest.mark.parametrize("backbone", [Branching, Unbatched])
@torch.inference_mode()
def test_what_cannot_be_stacked_runs_one_by_one(backbone: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Where vmap fails, or only helps itself with a slow loop, the log says so once and the draws are the same."""
    loop, stacked = (make(backbone, stacked=choice) for choice in (False, True))
    draws = stacked.draws(torch.Generator())
    with caplog.at_level(logging.INFO):
        found = [stacked.outputs(batch, draws, NEEDS) for batch in (IMAGES, IMAGES[:2])]
    assert [record.message for record in caplog.records] == [
        "the ensemble's networks cannot be stacked and run one by one"
    ]
    torch.testing.assert_close(found[0], loop.outputs(IMAGES, loop.draws(torch.Generator()), NEEDS))


def test_on_a_cpu_members_run_one_by_one_unless_asked() -> None:
    """Stacking doubles the time there."""
    assert not isinstance(make(stacked=None).draws(torch.Generator()), StackedDraws)


def test_one_member_is_no_ensemble() -> None:
    """It cannot disagree with itself."""
    with pytest.raises(ConfigurationError, match="at least 2 members"):
        Ensemble(1, stacked=True)
