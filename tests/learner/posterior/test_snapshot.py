from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from pytorch_lightning import Callback
from torch import Tensor, nn
from torch.optim import Optimizer

from alframe.data import ImageData
from alframe.errors import ConfigurationError
from alframe.learner import Backbone, Classifier, SnapshotEnsemble, load_weights, quiet_trainer, save_weights, schedules
from alframe.run import run
from alframe.training import FromScratch
from alframe.types import TrainingSet

trainer = partial(quiet_trainer, accelerator="cpu")
NONE = np.empty(0, dtype=np.int64)


class Normed(Backbone):
    """A layer with batch norm: buffers change with every step."""

    width = 8

    def __init__(self, _shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.BatchNorm1d(8))

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.layers(images)
        return features


class Watch(Callback):
    """Keeps the weights and buffers of the first network after each step."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Tensor]] = []

    def on_train_batch_end(self, _trainer: Any, pl_module: Any, *_args: Any) -> None:
        state = pl_module.networks[0].state_dict()
        self.seen.append({name: values.clone() for name, values in state.items()})


def fit(watch: Watch, members: int = 3, training: FromScratch | None = None, **changes: Any) -> Classifier:
    """Trained for 14 steps, unless told otherwise."""
    source = tiny.Bars()
    positions = np.flatnonzero(~source.table.held_out)[:32]
    options = {"backbone": Normed, "posterior": SnapshotEnsemble(members), "schedule": schedules.cosine} | changes
    data = ImageData(source, tiny.transforms(), batch_size=16)

    def watched(**given: Any) -> Any:
        return trainer(**(given | {"callbacks": [*given["callbacks"], watch]}))

    make_learner: Callable[[], Classifier] = partial(tiny.learner(**options), (1, 8, 8), 3)
    labels = source.table.labels[positions]
    training = training or FromScratch(epochs=7, epoch_size=32)
    return training.fit(make_learner, data, TrainingSet(positions, labels), watched, validation=NONE, seed=0)


def test_snapshots_of_a_known_descent() -> None:
    """On w^2 / 2 a step at rate r multiplies w by 1 - r; half a cosine from 1/2 in three steps is 1/2, 3/8, 1/8.

    That holds under the constant schedule, which a learner has by default.
    """
    networks: Any = [nn.Linear(1, 1, bias=False) for _ in range(4)]
    posterior = SnapshotEnsemble(4)
    (weight,) = posterior.trained(networks)[0].parameters()
    nn.init.ones_(weight)
    optimizer = torch.optim.SGD([weight], lr=0.5)
    schedule = posterior.schedule(schedules.constant, optimizer, 12)
    for step in range(1, 13):
        optimizer.zero_grad()
        torch.autograd.backward((weight**2 / 2).sum())
        optimizer.step()
        schedule.step()
        posterior.after_step(networks, step, 12)
    members = [network.weight.item() for network in networks]
    cycle = 1 / 2 * 5 / 8 * 7 / 8
    assert members == pytest.approx([cycle**4, cycle, cycle**2, cycle**3])


@pytest.mark.parametrize(("members", "ends"), [(2, [7, 14]), (3, [4, 9, 14]), (14, list(range(1, 15)))])
def test_members_are_the_network_at_the_ends_of_its_cycles(members: int, ends: list[int]) -> None:
    """Weights and batch-norm buffers, also of the last cycle where the steps do not divide; each a draw of its own."""
    watch = Watch()
    learner = fit(watch, members)
    assert len(watch.seen) == 14
    last, *earlier = [network.state_dict() for network in learner.networks]
    for end, state in zip(ends, [*earlier, last], strict=True):
        assert all(torch.equal(values, watch.seen[end - 1][name]) for name, values in state.items())
    draws = learner.draws(torch.Generator())
    images = torch.randn(5, 1, 8, 8)
    samples = learner.outputs(images, draws, {"samples"})["samples"]
    assert samples.shape == (5, members, 3)
    assert samples.std(dim=1).min() > 0


@pytest.mark.parametrize("stacked", [True, False])
@torch.no_grad()
def test_members_survive_their_file(stacked: bool, tmp_path: Path) -> None:
    """A learner loaded from its weights draws as the one that was trained, its members stacked or not."""
    learner = fit(Watch())
    save_weights(learner, tmp_path / "weights.safetensors")
    posterior = SnapshotEnsemble(3, stacked=stacked)
    loaded = tiny.learner(backbone=Normed, posterior=posterior)((1, 8, 8), 3).eval()
    load_weights(loaded, tmp_path / "weights.safetensors")
    images = torch.randn(5, 1, 8, 8)
    found = [one.outputs(images, one.draws(torch.Generator()), {"samples"})["samples"] for one in (learner, loaded)]
    torch.testing.assert_close(found[0], found[1])


def test_only_the_first_network_is_the_optimisers() -> None:
    """Under a heavy weight decay the others keep the weights that were copied to them."""
    optimizers: list[Optimizer] = []

    def decaying(parameters: Any) -> Optimizer:
        optimizers.append(torch.optim.AdamW(parameters, lr=0.01, weight_decay=10.0))
        return optimizers[-1]

    watch = Watch()
    learner = fit(watch, 2, optimizer=decaying)
    held = {id(weights) for group in optimizers[-1].param_groups for weights in group["params"]}
    assert held == {id(weights) for weights in learner.networks[0].parameters()}
    for name, values in learner.networks[1].named_parameters():
        assert torch.equal(values, watch.seen[6][name])


def test_early_stopping_is_refused_before_there_is_a_folder(tmp_path: Path) -> None:
    """It would end before the last cycle and keep one set of weights; a run says so at once, and a fit too."""
    patient = FromScratch(epochs=2, patience=1)
    with pytest.raises(ConfigurationError, match=r"training\.patience=1 ends training before"):
        fit(Watch(), training=patient)
    parts = tiny.parts(training=patient, learner=tiny.learner(posterior=SnapshotEnsemble(2)))
    with pytest.raises(ConfigurationError, match=r"set training\.patience=null"):
        run(parts, tmp_path / "run", tiny.CONFIG)
    assert not (tmp_path / "run").exists()


def test_more_members_than_steps_are_refused() -> None:
    """A cycle has a step at least."""
    with pytest.raises(ConfigurationError, match="15 snapshots need as many optimiser steps and this training has 14"):
        fit(Watch(), 15)
    with pytest.raises(ConfigurationError, match="at least 2 members"):
        SnapshotEnsemble(1)
