"""A classifier on held-out samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import Trainer
from torch.nn.functional import nll_loss
from torchmetrics.functional.classification import multiclass_accuracy

from alframe.data import ImageData
from alframe.errors import DataError
from alframe.functional import expected_calibration_error, reliability
from alframe.learner import Classifier
from alframe.scoring import predict, were_read
from alframe.types import Classification, Positions

CALIBRATION_BINS = 15


def evaluate_classifier(
    learner: Classifier,
    data: ImageData,
    positions: Positions,
    make_trainer: Callable[..., Trainer],
    *,
    seed: int,
) -> Classification:
    """Score a learner's posterior predictive probabilities against the source's labels.

    A learner that was calibrated is scored a second time, with the same draws, as it was before.

    Args:
        learner: predicts.
        data: reads the images; its source knows the labels.
        positions: the held-out samples.
        make_trainer: builds a Trainer.
        seed: of the posterior's draws.

    Raises:
        DataError: no held-out sample can be read.
    """

    def once() -> Classification:
        predictions = predict(learner, data, positions, {"probs"}, make_trainer, seed=seed, description="evaluate")
        if len(predictions) == 0 or predictions.probs is None:
            raise DataError(f"none of the {len(positions)} held-out samples can be scored: a run needs test images")
        probs = torch.from_numpy(predictions.probs)
        read = positions[were_read(data, positions, predictions)]
        labels, groups = torch.from_numpy(data.source.table.labels[read]), data.source.table.groups[read]
        return score(probs, labels, groups=groups, unreadable=len(positions) - len(read))

    found = once()
    if learner.scaling.changes_nothing:
        return found
    with learner.scaling.left_out():
        return replace(found, uncalibrated=once())


def score(
    probs: torch.Tensor, labels: torch.Tensor, *, groups: NDArray[np.str_] | None = None, unreadable: int = 0
) -> Classification:
    """Accuracy, negative log-likelihood (nats) and calibration error of probabilities (N, C) for labels (N,).

    ``groups`` (N,) names the slice of each sample, empty for none.
    """
    classes = probs.shape[1]
    per_class = multiclass_accuracy(probs, labels, num_classes=classes, average=None)
    counts = torch.bincount(labels, minlength=classes)
    bins = reliability(probs.numpy(), labels.numpy(), CALIBRATION_BINS)
    return Classification(
        samples=len(labels),
        unreadable=unreadable,
        accuracy=float(multiclass_accuracy(probs, labels, num_classes=classes, average="micro")),
        nll=float(nll_loss(probs.clamp_min(torch.finfo(probs.dtype).tiny).log(), labels)),
        calibration_error=expected_calibration_error(bins),
        class_accuracy=tuple(
            float(accuracy) if count else None for accuracy, count in zip(per_class, counts, strict=True)
        ),
        reliability=bins,
        slices={} if groups is None else _slices(groups, (probs.argmax(dim=1) == labels).numpy()),
    )


def _slices(groups: NDArray[np.str_], right: NDArray[np.bool_]) -> dict[str, float | None]:
    """The share that is right of each group that has a name."""
    return {name: float(right[groups == name].mean()) for name in np.unique(groups).tolist() if name}
