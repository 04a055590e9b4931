"""What every way of training is: one loop of epochs, and what comes before it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import torch
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint

from alframe.data import ImageData
from alframe.errors import ConfigurationError, DataError
from alframe.functional.randomness import derive_seed
from alframe.learner import Advance, Learner, Relay, Unreadable, processes_of, torch_seed
from alframe.progress import bar
from alframe.scoring import predict, were_read
from alframe.types import Positions, TrainingSet

Trained = TypeVar("Trained", bound=Learner)


class Training(ABC):
    """Trains a learner on labelled samples.

    Args:
        epochs: the most epochs to train.
        epoch_size: an epoch draws at least so many samples, however few are labelled (each equally often), so that
            the number of optimiser steps does not shrink with the labels.
        patience: stop after so many epochs without a better ``val_loss`` (``train_loss`` if no validation samples
            are held out) and go back to the best weights; ``None`` trains all epochs.

    Attributes:
        continues: whether training begins from the learner that it is given, where there is one.
        recalls: whether it reads what was recalled of old samples.
    """

    continues: bool = False
    recalls: bool = False

    def __init__(self, *, epochs: int = 30, epoch_size: int = 512, patience: int | None = None) -> None:
        for name, value, least in (
            ("epochs", epochs, 1),
            ("epoch_size", epoch_size, 0),
            ("patience", patience, 1),
        ):
            if value is not None and value < least:
                raise ConfigurationError(f"training.{name} must be at least {least}, got {value}")
        self._epochs = epochs
        self._epoch_size = epoch_size
        self._patience = patience

    def fit(
        self,
        make_learner: Callable[[], Trained],
        data: ImageData,
        samples: TrainingSet,
        make_trainer: Callable[..., Trainer],
        *,
        validation: Positions,
        seed: int,
        base: Learner | None = None,
    ) -> Trained:
        """A learner trained on ``samples``.

        Args:
            make_learner: builds an untrained learner.
            data: reads the images.
            samples: what to train on.
            make_trainer: builds a Trainer, given ``max_epochs``, ``validate``, ``callbacks`` and ``on_all_devices``.
            validation: positions held out for early stopping; may be empty.
            seed: of the initial weights, the order of the samples, augmentation and dropout.
            base: the learner to begin from, which is left as it is; ``None`` for the first one.

        Raises:
            ConfigurationError: the learner cannot be trained in this way.
            DataError: the learner's posterior reads the training set, and none of it can be read.
            RunConflict: training begins from ``base``, and that is of another architecture or has more classes.
        """
        epochs = self.epochs(base)
        data.fit_on(
            samples.positions,
            samples.labels,
            weights=samples.weights,
            epoch_size=self._epoch_size,
            validation=validation if len(validation) else None,
            seed=derive_seed(seed, "order"),
        )
        with (
            torch_seed(derive_seed(seed, "weights")),
            TemporaryDirectory() as folder,
            bar("train", total=epochs) as advance,
            Relay(advance) as on_epoch,
            Relay(data.note_unreadable) as unreadable,
        ):
            learner = make_learner()
            self.check(learner)
            learner.prepare(samples.labels)
            self.begin(learner, base, samples)
            stopping = self._stopping("val_loss" if len(validation) else "train_loss", Path(folder))
            trainer = make_trainer(
                max_epochs=epochs,
                validate=len(validation) > 0,
                callbacks=[Advance(on_epoch), Unreadable(unreadable), *stopping],
                on_all_devices=True,
            )
            with processes_of(trainer):
                trainer.fit(learner, datamodule=data)
            for callback in stopping:
                if isinstance(callback, ModelCheckpoint):
                    learner.load_state_dict(torch.load(callback.best_model_path, weights_only=True)["state_dict"])
        learner.penalty = None
        learner.learn_at({})
        learner.eval()
        if learner.reads_training_set:
            _fit_posterior(learner, data, samples, make_trainer)
        return learner

    @abstractmethod
    def begin(self, learner: Learner, base: Learner | None, samples: TrainingSet) -> None:
        """Give the new learner what it begins with: weights of ``base``; and, for this fit, rates and a penalty.

        Raises:
            RunConflict: ``base`` is of another architecture, or has more classes.
        """

    def epochs(self, base: Learner | None) -> int:  # noqa: ARG002 (for trainings that go on from it)
        """The most epochs to train, from there."""
        return self._epochs

    def check(self, learner: Learner) -> None:
        """Refuse a learner that cannot be trained in this way, before anything is computed.

        Raises:
            ConfigurationError: early stopping, where the posterior gathers networks until the last step.
        """
        if self._patience is not None and learner.whole_course:
            raise ConfigurationError(
                f"{type(learner.posterior).__name__} gathers networks until the last step, and "
                f"training.patience={self._patience} ends training before and keeps one set of weights: "
                "set training.patience=null, or choose learner/posterior=ensemble"
            )

    def _stopping(self, loss: str, folder: Path) -> list[Callback]:
        if self._patience is None:
            return []
        return [
            EarlyStopping(loss, patience=self._patience),
            ModelCheckpoint(folder, monitor=loss, save_weights_only=True),
        ]


def _fit_posterior(
    learner: Learner,
    data: ImageData,
    samples: TrainingSet,
    make_trainer: Callable[..., Trainer],
) -> None:
    """One pass over the training set, as it looks to an evaluation, for what the posterior learns from it."""
    positions = samples.positions
    predictions = predict(learner, data, positions, {"embeddings"}, make_trainer, seed=0, description="posterior")
    if len(predictions) == 0 or predictions.embeddings is None:
        raise DataError(f"none of the {len(positions)} labelled images can be read: a posterior needs some")
    read = were_read(data, positions, predictions)
    learner.fit_posterior(torch.from_numpy(predictions.embeddings), torch.from_numpy(samples.labels[read]))
