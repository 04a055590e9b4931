"""A learner on held-out samples -> Outcomes, and how long it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pytorch_lightning import Trainer

from alframe.data import ImageData
from alframe.errors import DataError
from alframe.evaluation.outcomes import ClassifierOutcomes, DetectorOutcomes, SegmenterOutcomes
from alframe.functional import class_map, detected, pixel_confusion, stretched
from alframe.learner import Learner
from alframe.scoring import Pass, concatenate, stream, were_read
from alframe.strategy import required
from alframe.types import Need, Outcomes, Positions, Predictions, Task

NEEDS: Mapping[Task, frozenset[Need]] = {
    "classification": frozenset({"probs"}),
    "detection": frozenset({"boxes", "box_probs"}),
    "segmentation": frozenset({"class_map"}),
}


def outcomes(
    learner: Learner, data: ImageData, positions: Positions, make_trainer: Callable[..., Trainer], *, seed: int
) -> Outcomes:
    """What a learner does on each of these held-out samples, as its task asks for.

    ``seconds`` is the time in the model, posterior draws included, by image, in batches as large as the data module
    makes them, after a batch to warm up; reading images does not count. It is the inverse of throughput on this machine
    as it was then: to be compared with what another learner took just before or after, and not to be taken for the time
    that one request waits.

    Args:
        learner: predicts.
        data: reads the images; its source knows the labels.
        positions: the held-out samples.
        make_trainer: builds a Trainer.
        seed: of the posterior's draws.

    Raises:
        DataError: no held-out sample can be read.
    """
    gathered = _Gathered(data, len(data.source.classes))
    work = Pass(learner, data, positions, NEEDS[learner.task], make_trainer, seed)
    stream(replace(work, positions=positions[: data.evaluation_batch_size]), _forget, "warm up")
    pace = stream(work, gathered.add, "gate")
    predictions = concatenate(gathered.parts)
    read = positions[were_read(data, positions, predictions)]
    if len(read) == 0:
        raise DataError(f"none of the {len(positions)} gate samples can be read: are the files still there?")
    seconds = (pace.computing - gathered.seconds) / len(read)
    table = data.source.table
    known: tuple[Any, ...] = predictions.ids, table.groups[read], data.source.classes, seconds
    if learner.task == "segmentation":
        return SegmenterOutcomes(*known, confusions=np.stack(gathered.confusions))
    if learner.task == "detection":
        boxes, probs = required(predictions, "boxes"), required(predictions, "box_probs")
        found = [detected(*rows) for rows in zip(boxes, probs, strict=True)]
        return DetectorOutcomes(*known, truth=table.labels[read].tolist(), found=found)
    return ClassifierOutcomes(*known, probs=required(predictions, "probs"), labels=table.labels[read])


def _forget(batch: Predictions, unreadable: Mapping[int, str]) -> None:
    """Of a pass that was only to warm up."""


class _Gathered:
    """What a pass says, batch by batch; of class maps only what they confuse, since maps fill the memory.

    Args:
        data: knows the true objects.
        num_classes: C.
    """

    def __init__(self, data: ImageData, num_classes: int) -> None:
        self.parts: list[Predictions] = []
        self.confusions: list[NDArray[np.int64]] = []
        self.seconds = 0.0
        self._data, self._num_classes = data, num_classes
        self._labels = dict(zip(data.source.table.ids.tolist(), data.source.table.labels, strict=True))

    def add(self, batch: Predictions, _unreadable: Mapping[int, str]) -> None:
        """Keep a batch; what that takes is no time of the learner's."""
        started = perf_counter()
        if batch.class_map is not None and batch.sizes is not None:
            for name, predicted, size in zip(batch.ids.tolist(), batch.class_map, batch.sizes.tolist(), strict=True):
                truth, found = class_map(self._labels[name], *size), stretched(predicted, *size)
                self.confusions.append(pixel_confusion(truth, found, self._num_classes))
            batch = replace(batch, class_map=None)
        self.parts.append(batch)
        self.seconds += perf_counter() - started
