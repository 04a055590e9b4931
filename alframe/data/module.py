"""The Lightning data module: batches of any samples of a source, for training, validation and prediction."""

from __future__ import annotations

import logging
import math
import warnings
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import torch
from pytorch_lightning import LightningDataModule
from torch.utils.data import DataLoader

from alframe.data.dataset import Batch, BatchReader, InOrder, RandomDraws
from alframe.data.source import Source
from alframe.data.transforms import ObjectPipeline, Pipeline, Transforms
from alframe.data.workers import InterruptibleLoader, automatic_workers, prepare_worker
from alframe.errors import ConfigurationError, InvalidInput
from alframe.progress import bar
from alframe.types import Floats, Labels, Positions

log = logging.getLogger(__name__)

Requests = TypeVar("Requests", RandomDraws, InOrder)


class ImageData(LightningDataModule):
    """Gives Lightning the samples that ``fit_on`` and ``predict_on`` name.

    An image that cannot be decoded is left out of its batch and noted in ``unreadable``; a batch in which
    none can be decoded has no rows.

    Args:
        source: reads the images.
        transforms: makes tensors of them.
        batch_size: the most samples in a training batch.
        evaluation_batch_size: the most samples in a validation or prediction batch.
        workers: processes that read images; 0 reads them in this one. If ``None``, 0 where they are in memory, and else
            one for each core but one, up to 8. Batches do not depend on their number.
        prefetch: batches that each worker reads ahead.
        with_masks: whether targets have the classes of pixels, where objects have masks.

    Attributes:
        source: as given.
        unreadable: the reason for each table position that could not be decoded so far.

    Raises:
        ConfigurationError: a batch size or a prefetch below 1, a negative number of workers.
    """

    def __init__(
        self,
        source: Source,
        transforms: Transforms,
        *,
        batch_size: int = 64,
        evaluation_batch_size: int = 512,
        workers: int | None = None,
        prefetch: int = 2,
        with_masks: bool = True,
    ) -> None:
        super().__init__()
        for name, value, least in (
            ("batch_size", batch_size, 1),
            ("evaluation_batch_size", evaluation_batch_size, 1),
            ("workers", workers, 0),
            ("prefetch", prefetch, 1),
        ):
            if value is not None and value < least:
                raise ConfigurationError(f"loader.{name} must be at least {least}, got {value}")
        self.source = source
        self.unreadable: dict[int, str] = {}
        self._transforms = transforms
        self._batch_size = batch_size
        self._evaluation_batch_size = evaluation_batch_size
        self._workers = self._automatic_workers(prefetch) if workers is None else workers
        self._prefetch = prefetch
        self._with_masks = with_masks and source.has_masks
        self._training: RandomDraws | None = None
        self._validation: InOrder | None = None
        self._prediction: InOrder | None = None
        self._whole = False

    @property
    def transforms(self) -> Transforms:
        """What makes tensors of the images."""
        return self._transforms

    @property
    def evaluation_batch_size(self) -> int:
        """The most samples in a validation or prediction batch."""
        return self._evaluation_batch_size

    @property
    def num_classes(self) -> int:
        """How many classes the source has."""
        return len(self.source.classes)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image in a batch."""
        return self._transforms.channels, self._transforms.image_size, self._transforms.image_size

    def fit_on(
        self,
        positions: Positions,
        labels: Labels,
        *,
        weights: Floats | None = None,
        epoch_size: int = 0,
        validation: Positions | None = None,
        seed: int,
    ) -> None:
        """Train on these samples from now on.

        Args:
            positions: (n,) rows of the source's table.
            labels: (n,) class indices or ``Objects``; they need not be the source's.
            weights: (n,) how often each sample is drawn, in proportion; equally often if ``None``.
            epoch_size: an epoch draws at least so many samples, and at least n.
            validation: rows to validate on, with the source's labels; no validation if ``None``.
            seed: of the order and of the random transforms.

        Raises:
            InvalidInput: no positions, positions outside the table, labels that are no classes, lengths that
                differ, weights that are negative, not finite or all zero.
        """
        self._check(positions, labels)
        if weights is not None:
            _check_weights(weights, len(positions))
        size = max(epoch_size, len(positions))
        self._training = RandomDraws(positions, labels, self._batch_size, size=size, weights=weights, seed=seed)
        self._validation = None
        if validation is not None:
            truth = self.source.table.labels[validation]
            self._check(validation, truth)
            self._validation = InOrder(validation, truth, self._evaluation_batch_size)

    def predict_on(self, positions: Positions, *, whole: bool = False) -> None:
        """Predict on the samples in these rows of the source's table from now on, in this order.

        Args:
            positions: (n,) rows of the source's table.
            whole: images are read at their own size, as what is found in their pixels asks for, though a smaller one
                would be enough for the tensor.
        """
        self._prediction = InOrder(positions, self._unseen(positions), self._evaluation_batch_size)
        self._whole = whole

    def train_dataloader(self) -> DataLoader[Batch]:
        """Batches of what ``fit_on`` named, through the training transforms."""
        if self._training is None:
            raise InvalidInput("no samples to train on: call fit_on(positions, labels, seed=...) first")
        return self._loader(self._share(self._training), self._transforms.for_training(), passes=True)

    def val_dataloader(self) -> DataLoader[Batch] | list[DataLoader[Batch]]:
        """Batches of the validation samples that ``fit_on`` named, through the evaluation transforms."""
        if self._validation is None:
            # Lightning would ask in every round whether this is intended.
            warnings.filterwarnings("ignore", "Total length of `list` across ranks is zero", UserWarning)
            return []
        return self._loader(self._share(self._validation), self._transforms.for_evaluation(), passes=True)

    def predict_dataloader(self) -> DataLoader[Batch]:
        """Batches of what ``predict_on`` named, through the evaluation transforms, with true labels."""
        if self._prediction is None:
            raise InvalidInput("no samples to predict on: call predict_on(positions) first")
        pipeline = self._transforms.for_evaluation()
        return self._loader(self._prediction, replace(pipeline, side=None) if self._whole else pipeline)

    def on_before_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:  # noqa: ARG002 (Lightning's)
        """Note what could not be decoded; Lightning calls this where it computes, not where images are read."""
        for position, reason in batch.unreadable.items():
            self.note_unreadable(position, reason)
        return batch

    def note_unreadable(self, position: int, reason: str) -> None:
        """Remember that the image in row ``position`` of the table cannot be used, and say so in the log, once."""
        if position not in self.unreadable:
            self.unreadable[position] = reason
            log.warning("image %s cannot be used: %s", self.source.table.ids[position], reason)

    def inspect(self, positions: Positions) -> dict[int, str]:
        """Read each of these samples once and return those that cannot be decoded, with the reason."""
        if self.source.in_memory:
            return {}
        requests = InOrder(positions, self._unseen(positions), self._batch_size)
        with bar("inspect", total=len(positions)) as advance:
            for batch in self._loader(requests, self._transforms.for_evaluation()):
                self.on_before_batch_transfer(batch, 0)
                advance(len(batch.positions) + len(batch.unreadable))
        return {row: self.unreadable[row] for row in positions.tolist() if row in self.unreadable}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "trainer": None}  # another process has its own

    def _share(self, requests: Requests) -> Requests:
        """What this process reads of them, where several train together."""
        return requests if self.trainer is None else requests.share(self.trainer.global_rank, self.trainer.world_size)

    def _automatic_workers(self, prefetch: int) -> int:
        if self.source.in_memory:
            return 0
        image = math.prod(self.image_shape) * torch.float32.itemsize
        # Those read ahead and the one in use, and while training another loader that validates.
        batches = (1 + prefetch) * (self._batch_size + self._evaluation_batch_size)
        return automatic_workers(batches * image)

    def _check(self, positions: Positions, labels: Labels) -> None:
        if len(positions) == 0 or len(positions) != len(labels):
            raise InvalidInput(
                f"need one label for each of at least 1 position, got {len(labels)} for {len(positions)}"
            )
        if self.source.table.has_objects:
            labels = np.concatenate([each.labels[~each.ignored] for each in labels])
        for name, values, end in (
            ("positions", positions, len(self.source.table)),
            ("labels", labels, self.num_classes),
        ):
            if len(values) and (values.min() < 0 or values.max() >= end):
                raise InvalidInput(f"{name} must lie in 0..{end - 1}, got {values.min()}..{values.max()}")

    def _unseen(self, positions: Positions) -> Labels:
        """Labels for those who look at none: objects, which would have to be drawn, are left out."""
        table = self.source.table
        return np.full(len(positions), None) if table.has_objects else table.labels[positions]

    def _with_objects(self, pipeline: Pipeline) -> Pipeline | ObjectPipeline:
        return ObjectPipeline(pipeline, self._with_masks) if self.source.table.has_objects else pipeline

    def _loader(
        self, requests: RandomDraws | InOrder, pipeline: Pipeline, *, passes: bool = False
    ) -> DataLoader[Batch]:
        """Workers stay from pass to pass where there are several; after a single one they end before it returns."""
        # Lightning would recommend more workers in every round; their number is the user's choice.
        warnings.filterwarnings("ignore", ".* does not have many workers", UserWarning)
        return InterruptibleLoader(
            BatchReader(self.source, self._with_objects(pipeline)),
            batch_size=None,  # a request is a whole batch
            sampler=requests,
            num_workers=self._workers,
            prefetch_factor=self._prefetch if self._workers else None,
            # Those that stay are ended by a destructor, in which Python drops a Ctrl-C.
            persistent_workers=passes and self._workers > 0,
            pin_memory=torch.cuda.is_available(),
            worker_init_fn=prepare_worker,
            # Of its own: the loader draws seeds for its workers, and dropout must not depend on how many there are.
            generator=torch.Generator(),
        )


def _check_weights(weights: Floats, count: int) -> None:
    if weights.shape != (count,) or not np.isfinite(weights).all() or weights.min() < 0 or weights.sum() <= 0:
        raise InvalidInput(f"weights must be {count} finite numbers from 0 up, one of them above 0, got {weights}")
