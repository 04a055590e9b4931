"""What a learner did on each held-out sample, for comparing learners on the same ones."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import numpy as np
from pytorch_lightning import Trainer

from alframe.data import ImageData
from alframe.errors import ConfigurationError, DataError
from alframe.functional import expected_calibration_error, reliability
from alframe.learner import Learner
from alframe.scoring import predict, were_read
from alframe.strategy import required
from alframe.types import Floats, Labels, Outcomes, Positions, Predictions


class ClassifierOutcomes(Outcomes):
    """A classifier on N samples: ``accuracy`` and ``log_likelihood`` (mean, in nats, at most 0).

    Args:
        predictions: with ``probs``, (N, C).
        labels: (N,) true classes.
        groups: (N,) slice names.
        classes: names of the C classes.
        seconds: what one sample took.
    """

    metrics = ("accuracy", "log_likelihood")

    def __init__(
        self, predictions: Predictions, labels: Labels, groups: Labels, classes: tuple[str, ...], seconds: float
    ) -> None:
        self.ids, self.groups, self.classes, self.seconds = predictions.ids, groups, classes, seconds
        self._probs, self._labels = required(predictions, "probs"), labels
        believed = self._probs[np.arange(len(labels)), labels]
        self._scores = {
            "accuracy": (self._probs.argmax(axis=1) == labels).astype(np.float64),
            "log_likelihood": np.log(np.maximum(believed.astype(np.float64), np.finfo(np.float32).tiny)),
        }

    def value(self, metric: str, rows: Positions | None = None) -> float:
        """The mean of ``scores``."""
        scores = self._scores[metric] if rows is None else self._scores[metric][rows]
        return float(scores.mean()) if len(scores) else float("nan")

    def scores(self, metric: str) -> Floats:
        """Whether the most probable class is right, or the log of the true one's probability, (N,)."""
        scores: Floats = self._scores[metric]
        return scores

    def by_class(self) -> tuple[float | None, ...]:
        """Accuracy among the samples of each class."""
        rows = [np.flatnonzero(self._labels == label) for label in range(len(self.classes))]
        return tuple(self.value("accuracy", of) if len(of) else None for of in rows)

    def calibration_error(self) -> float:
        """Expected calibration error over 15 bins."""
        return expected_calibration_error(reliability(self._probs, self._labels, 15))


def outcomes(
    learner: Learner, data: ImageData, positions: Positions, make_trainer: Callable[..., Trainer], *, seed: int
) -> Outcomes:
    """What a learner does on each of these held-out samples, as its task asks for.

    Args:
        learner: predicts.
        data: reads the images; its source knows the labels.
        positions: the held-out samples.
        make_trainer: builds a Trainer.
        seed: of the posterior's draws.

    Raises:
        DataError: no held-out sample can be read.
    """
    if learner.task != "classification":
        raise ConfigurationError(f"outcomes of {learner.task} cannot be compared yet")
    started = perf_counter()
    predictions = predict(learner, data, positions, {"probs"}, make_trainer, seed=seed, description="gate")
    seconds = (perf_counter() - started) / max(len(positions), 1)
    read = positions[were_read(data, positions, predictions)]
    if len(read) == 0:
        raise DataError(f"none of the {len(positions)} gate samples can be read: are the files still there?")
    table = data.source.table
    return ClassifierOutcomes(predictions, table.labels[read], table.groups[read], data.source.classes, seconds)
