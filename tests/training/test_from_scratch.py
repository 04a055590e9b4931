from __future__ import annotations

import signal
from functools import partial
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from pytorch_lightning import Callback, Trainer

from alframe.data import ImageData
from alframe.errors import ConfigurationError
from alframe.evaluation import evaluate_classifier
from alframe.learner import Classifier, quiet_trainer, schedules
from alframe.training import FromScratch
from alframe.types import TrainingSet

trainer = partial(quiet_trainer, accelerator="cpu")
NONE = np.empty(0, dtype=np.int64)


def fit(
    training: FromScratch, make_trainer: Any = trainer, seed: int = 0, **changes: Any
) -> tuple[Classifier, ImageData]:
    data = ImageData(tiny.Bars(count=200), tiny.transforms(), batch_size=16)
    positions = np.flatnonzero(~data.source.table.held_out)[:60]
    validation = changes.pop("validation", NONE)
    make_learner = partial(tiny.learner(**changes), data.image_shape, data.num_classes)
    labels = data.source.table.labels[positions]
    return training.fit(
        make_learner, data, TrainingSet(positions, labels), make_trainer, validation=validation, seed=seed
    ), data


def test_it_learns() -> None:
    """After a few hundred steps held-out images are classified nearly without error."""
    learner, data = fit(FromScratch(epochs=20, epoch_size=128))
    test = np.flatnonzero(data.source.table.held_out)
    assert evaluate_classifier(learner, data, test, trainer, seed=0).accuracy > 0.95
    assert not learner.training


def test_equal_seeds_train_equal_weights() -> None:
    """Training depends on its seed and on nothing else: not on torch's global generator, nor on what ran before."""
    weights = []
    for global_seed, seed in ((1, 0), (2, 0), (2, 1)):
        torch.manual_seed(global_seed)
        before = torch.random.get_rng_state()
        learner, _ = fit(FromScratch(epochs=2), seed=seed)
        weights.append(torch.cat([tensor.flatten() for tensor in learner.state_dict().values()]))
        assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_early_stopping_goes_back_to_the_best_weights() -> None:
    """Under a learning rate that soon diverges, training ends early with the best validation loss that was seen."""
    trainers: list[Trainer] = []

    def remember(**options: Any) -> Trainer:
        trainers.append(trainer(**options))
        return trainers[-1]

    validation = np.arange(100, 140)
    adam = partial(torch.optim.Adam, lr=0.03)
    training = FromScratch(epochs=30, epoch_size=64, patience=2)
    learner, data = fit(training, remember, optimizer=adam, validation=validation)
    assert trainers[0].current_epoch < 30
    best = trainers[0].checkpoint_callback.best_model_score  # type: ignore[union-attr]  # there is one, with patience
    data.predict_on(validation)
    with torch.inference_mode():
        losses = [learner.loss(learner(b.images)[:, 0], b.labels) for b in data.predict_dataloader()]
    torch.testing.assert_close(torch.stack(losses).mean(), best)


def test_ctrl_c_reaches_the_caller() -> None:
    """An interrupt in the middle of a fit is a KeyboardInterrupt afterwards, and Ctrl-C works again."""

    class PressCtrlC(Callback):
        def on_train_batch_end(self, *_args: Any, **_options: Any) -> None:
            raise KeyboardInterrupt

    def interrupted(**options: Any) -> Trainer:
        return trainer(**(options | {"callbacks": [*options["callbacks"], PressCtrlC()]}))

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        fit(FromScratch(epochs=2), interrupted)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(
    ("name", "rates"),
    [("constant", [1, 1, 1]), ("cosine", [0.1, 0.5, 0.0]), ("one_cycle", [0.04, 0.84, 0.0])],
)
def test_schedules_rise_and_fall(name: str, rates: list[float]) -> None:
    """Learning rates at the start, in the middle and after the last of 200 steps, relative to the optimiser's."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = getattr(schedules, name)(optimizer, 200)
    seen = []
    for _ in range(199):
        seen.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    seen.append(schedule.get_last_lr()[0])
    np.testing.assert_allclose([seen[0], seen[100], seen[-1]], rates, atol=0.12)


def test_impossible_numbers_are_refused() -> None:
    """The message names the key of the configuration."""
    with pytest.raises(ConfigurationError, match=r"training\.epochs must be at least 1, got 0"):
        FromScratch(epochs=0)
    with pytest.raises(ConfigurationError, match=r"training\.patience"):
        FromScratch(patience=0)
