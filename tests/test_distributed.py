"""Fits on several devices: the processes together do what one does with batches so much larger."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from damaged import Damaged
from hypothesis import given
from hypothesis import strategies as st
from pytorch_lightning import Trainer

from alframe.data import Batch, ImageData
from alframe.data.dataset import InOrder, RandomDraws
from alframe.learner import Classifier, PointEstimate, base, processes_of, quiet_trainer
from alframe.training import FromScratch
from alframe.training import base as training
from alframe.types import TrainingSet

VALIDATION = np.arange(100, 131)


@dataclass
class Fitted:
    """What a fit left in the process that asked for it."""

    learner: Classifier
    data: ImageData
    epochs: int
    best: str


@dataclass
class Bar:
    """In place of the progress bar on the screen."""

    seen: int = field(default=0)

    @contextmanager
    def __call__(self, *_: Any, **__: Any) -> Iterator[Any]:
        yield self.advance

    def advance(self, steps: int) -> None:
        self.seen += steps


def fit(devices: int, batch_size: int, monkeypatch: pytest.MonkeyPatch) -> Fitted:
    """Under a learning rate that soon diverges, with early stopping, without randomness but in the order."""
    bar, trainers = Bar(), []

    def make_trainer(**options: Any) -> Trainer:
        trainers.append(quiet_trainer(accelerator="cpu", devices=devices, strategy="ddp", **options))
        return trainers[-1]

    monkeypatch.setattr(training, "bar", bar)
    data = ImageData(
        Damaged(200, {101, 110}), tiny.transforms(), batch_size=batch_size, evaluation_batch_size=8, workers=0
    )
    positions = np.flatnonzero(~data.source.table.held_out)[:61]
    make_learner = partial(
        tiny.learner(optimizer=partial(torch.optim.SGD, lr=1.2), dropout=0.0, posterior=PointEstimate()),
        data.image_shape,
        data.num_classes,
    )
    learner = FromScratch(epochs=12, epoch_size=64, patience=2).fit(
        make_learner,
        data,
        TrainingSet(positions, data.source.table.labels[positions]),
        make_trainer,
        validation=VALIDATION,
        seed=0,
    )
    (trainer,) = trainers
    assert trainer.world_size == devices
    return Fitted(learner, data, bar.seen, trainer.checkpoint_callback.best_model_path.rpartition("/")[2])  # type: ignore[union-attr]


def test_two_devices_train_as_one_with_batches_twice_as_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same weights, up to rounding, the same best epoch and the same end; bar and unreadable images come home."""
    one, two = fit(1, 32, monkeypatch), fit(2, 16, monkeypatch)
    torch.testing.assert_close(two.learner.state_dict(), one.learner.state_dict(), rtol=1e-4, atol=1e-6)
    assert 3 <= two.epochs < 12
    assert (two.epochs, two.best) == (one.epochs, one.best)
    assert two.data.unreadable == one.data.unreadable == {101: "truncated file", 110: "truncated file"}
    assert not two.learner.training


def draws(size: int, batch_size: int, *, weighted: bool = False) -> RandomDraws:
    weights = np.linspace(0, 1, 20) if weighted else None
    return RandomDraws(np.arange(50, 70), np.arange(20), batch_size, size=size, weights=weights, seed=3)


@given(
    size=st.integers(1, 200),
    batch_size=st.integers(1, 40),
    processes=st.integers(1, 5),
    weighted=st.booleans(),
)
def test_shares_of_an_epoch_are_the_epoch(size: int, batch_size: int, processes: int, weighted: bool) -> None:
    """Dealt out in turn, the draws of all processes are those of one; in each step the batches are equally large."""
    whole = draws(-(-size // processes) * processes, batch_size, weighted=weighted)
    shares = [draws(size, batch_size, weighted=weighted).share(number, processes) for number in range(processes)]
    for _ in range(2):
        steps = list(zip(*shares, strict=True))
        assert len(steps) == len(shares[0]) == -(-size // (batch_size * processes))
        dealt = [np.stack([request.positions for request in step], axis=1).ravel() for step in steps]
        assert np.concatenate(dealt).tolist() == np.concatenate([request.positions for request in whole]).tolist()
        lengths = [len(request.positions) for step in steps for request in step]
        assert 1 <= min(lengths) <= max(lengths) <= batch_size
        assert max(lengths) - min(lengths) <= 1
        seeds = [request.seed for step in steps for request in step]
        assert len(set(seeds)) == len(seeds)


@given(count=st.integers(1, 60), batch_size=st.integers(1, 20), processes=st.integers(1, 5))
def test_shares_of_the_validation_set_are_the_set(count: int, batch_size: int, processes: int) -> None:
    """Each sample is one process's, and no process has fewer batches than another, which would wait for it."""
    whole = InOrder(np.arange(count), np.arange(count) % 3, batch_size)
    shares = [list(whole.share(number, processes)) for number in range(processes)]
    assert len({len(share) for share in shares}) == 1
    requests = [request for share in shares for request in share]
    assert sorted(np.concatenate([request.positions for request in requests])) == list(range(count))
    assert all(len(request.positions) <= batch_size for request in requests)
    assert all((request.labels == request.positions % 3).all() for request in requests)


def test_batch_without_images_does_not_keep_the_others_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where other processes wait for gradients, it has one of zeros for each weight that is trained."""
    learner = tiny.learner()((1, 8, 8), 3)
    monkeypatch.setattr(base, "alone", lambda: False)
    logged: dict[str, Any] = {}
    monkeypatch.setattr(learner, "log", lambda name, loss, **options: logged.update({name: (loss.item(), options)}))
    none = torch.empty(0, dtype=torch.int64)
    loss = learner.training_step(Batch(torch.empty(0, 1, 8, 8), none, none, {}, none), 0)
    loss.backward()
    assert all((weights.grad == 0).all() for weights in learner.parameters())
    value, options = logged["train_loss"]
    assert value == 0
    assert options["batch_size"] == 0
    assert options["sync_dist"]


def test_networks_that_are_not_trained_have_no_gradients() -> None:
    """Processes exchange the gradients of all weights that ask for one; a member that rests must not."""

    class First(PointEstimate):
        members = 2

        def trained(self, networks: Any) -> Any:
            return networks[:1]

    trained, rests = tiny.learner(posterior=First())((1, 8, 8), 3).networks
    assert all(weights.requires_grad for weights in trained.parameters())
    assert not any(weights.requires_grad for weights in rests.parameters())


def test_no_process_outlives_a_fit_that_fails() -> None:
    """They would go on training, and the command would wait for them before it ends."""
    trainer = quiet_trainer(accelerator="cpu", devices=2, on_all_devices=True)
    earlier, process = (get_context("spawn").Process(target=time.sleep, args=(600,)) for _ in range(2))
    earlier.start()

    def interrupted_fit() -> None:
        with processes_of(trainer):
            process.start()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted_fit()
    process.join(timeout=60)
    assert process.exitcode == -signal.SIGKILL
    assert earlier.is_alive()
    earlier.kill()
    earlier.join()
