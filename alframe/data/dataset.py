"""From table positions to batches: which samples, in which order, read how."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from alframe.data.source import Source
from alframe.data.transforms import ObjectPipeline, Pipeline
from alframe.errors import UnreadableImage
from alframe.types import Floats, Labels, Positions


class Batch(NamedTuple):
    """What a learner is given; images that could not be decoded are left out, so ``B`` may be 0.

    Attributes:
        images: (B, channels, size, size) float32.
        labels: (B,) int64; of a source with objects a ``Target`` for each image.
        positions: (B,) int64, rows of the source's table.
        unreadable: the reason for each table position that was left out.
        sizes: (B, 2) int64, height and width that each image had.
    """

    images: Tensor
    labels: Any
    positions: Tensor
    unreadable: dict[int, str]
    sizes: Tensor


class BatchRequest(NamedTuple):
    """One batch before it is read: positions and labels, (B,) each, and the seed of its random transforms."""

    positions: Positions
    labels: Labels
    seed: int


class BatchReader(Dataset[Batch]):
    """Reads whole batches.

    A request carries its own seed, so a batch is the same whichever of how many processes reads it.
    """

    def __init__(self, source: Source, pipeline: Pipeline | ObjectPipeline) -> None:
        self._source = source
        self._pipeline = pipeline

    def __getitem__(self, request: BatchRequest) -> Batch:
        images, kept = [], []
        unreadable: dict[int, str] = {}
        for row, position in enumerate(request.positions.tolist()):
            try:
                images.append(self._source.read(position, self._pipeline.side))
            except UnreadableImage as error:
                unreadable[position] = str(error)
            else:
                kept.append(row)
        tensor, labels = self._pipeline.batch(images, request.labels[kept], request.seed)
        return Batch(
            images=tensor,
            labels=labels,
            positions=torch.from_numpy(request.positions[kept]),
            unreadable=unreadable,
            sizes=torch.tensor([image.shape[:2] for image in images], dtype=torch.int64).view(-1, 2),
        )


class InOrder(Sampler[BatchRequest]):
    """Every sample once, in the order given, in batches of ``batch_size``; ``batches`` beyond the last are empty."""

    def __init__(self, positions: Positions, labels: Labels, batch_size: int, *, batches: int | None = None) -> None:
        self._positions = positions
        self._labels = labels
        self._batch_size = batch_size
        self._batches = -(-len(positions) // batch_size) if batches is None else batches

    def share(self, process: int, processes: int) -> InOrder:
        """Every ``processes``-th sample, from number ``process`` on; each process has the same number of batches."""
        batches = -(-len(self._positions) // (processes * self._batch_size))
        mine = slice(process, None, processes)
        return InOrder(self._positions[mine], self._labels[mine], self._batch_size, batches=batches)

    def __len__(self) -> int:
        return self._batches

    def __iter__(self) -> Iterator[BatchRequest]:
        for number in range(self._batches):
            batch = slice(number * self._batch_size, (number + 1) * self._batch_size)
            yield BatchRequest(self._positions[batch], self._labels[batch], seed=0)


class RandomDraws(Sampler[BatchRequest]):
    """Epochs of at least ``size`` draws, each epoch in a new order that the seed determines.

    Without weights an epoch is made of whole shuffles, the last one cut short, so that any two samples are
    drawn equally often, give or take one; with weights it is drawn with replacement, in proportion. The draws
    are spread evenly over the batches: a last batch of one sample would break batch normalisation.

    ``processes`` that train together take the draws in turn: their batches are equally large, so that the mean of
    their gradients is that of one batch ``processes`` times as large, which is what one process would draw.
    """

    def __init__(
        self,
        positions: Positions,
        labels: Labels,
        batch_size: int,
        *,
        size: int,
        weights: Floats | None,
        seed: int,
        process: int = 0,
        processes: int = 1,
    ) -> None:
        self._positions = positions
        self._labels = labels
        self._batch_size = batch_size
        self._size = -(-size // processes) * processes
        self._weights = weights
        self._seed = seed
        self._process = process
        self._processes = processes
        self._batches = -(-self._size // (batch_size * processes))
        self._epoch = 0

    def share(self, process: int, processes: int) -> RandomDraws:
        """What number ``process`` of ``processes`` draws, from the first epoch on."""
        return RandomDraws(
            self._positions,
            self._labels,
            self._batch_size,
            size=self._size,
            weights=self._weights,
            seed=self._seed,
            process=process,
            processes=processes,
        )

    def __len__(self) -> int:
        return self._batches

    def __iter__(self) -> Iterator[BatchRequest]:
        rng = np.random.default_rng((self._seed, self._epoch))
        self._epoch += 1
        for draws in np.array_split(self._draw(rng).reshape(-1, self._processes), self._batches):
            rows = draws[:, self._process]
            seeds = [int(rng.integers(2**32)) for _ in range(self._processes)]
            yield BatchRequest(self._positions[rows], self._labels[rows], seeds[self._process])

    def _draw(self, rng: np.random.Generator) -> NDArray[np.int64]:
        count = len(self._positions)
        if self._weights is not None:
            return rng.choice(count, size=self._size, p=self._weights / self._weights.sum())
        shuffles = -(-self._size // count)
        return np.concatenate([rng.permutation(count) for _ in range(shuffles)])[: self._size]
