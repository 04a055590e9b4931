"""One pass of a learner over samples: handed on batch by batch, or gathered as Predictions."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from time import perf_counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor

from alframe.data import Batch, ImageData
from alframe.functional import REDUCTIONS
from alframe.learner import Advance, Learner, interruptible
from alframe.progress import bar
from alframe.types import Floats, Ids, Need, Positions, Predictions

log = logging.getLogger(__name__)

Sink = Callable[[Predictions, Mapping[int, str]], None]
"""Takes the predictions of one batch, and why others of its table positions could not be read."""


@dataclass(frozen=True, eq=False)
class Pass:
    """What a pass over samples is.

    Attributes:
        learner: predicts.
        data: reads the images.
        positions: (n,) rows of the source's table, in the order in which they are wanted.
        needs: which arrays to compute.
        make_trainer: builds a Lightning Trainer, given ``callbacks``.
        seed: of the posterior's draws; equal seeds give equal draws.
    """

    learner: Learner
    data: ImageData
    positions: Positions
    needs: Collection[Need]
    make_trainer: Callable[..., Trainer]
    seed: int


def predict(
    learner: Learner,
    data: ImageData,
    positions: Positions,
    needs: Collection[Need],
    make_trainer: Callable[..., Trainer],
    *,
    seed: int,
    description: str = "predict",
) -> Predictions:
    """What ``needs`` names, for the samples at these table positions, in that order, in memory.

    A sample that turns out to be unreadable is left out, and noted in ``data.unreadable``.

    Args:
        learner: predicts.
        data: reads the images.
        positions: into the source's table.
        needs: which arrays to compute.
        make_trainer: builds a Trainer, given ``callbacks``.
        seed: of the posterior's draws; equal seeds give equal draws.
        description: what the progress bar calls the pass.
    """
    parts: list[Predictions] = []

    def keep(batch: Predictions, _unreadable: Mapping[int, str]) -> None:
        parts.append(batch)

    stream(Pass(learner, data, positions, needs, make_trainer, seed), keep, description)
    return replace(concatenate(parts), head=head_of(learner) if "head" in needs else None)


def stream(work: Pass, sink: Sink, description: str = "predict") -> Pace:
    """``predict`` without keeping anything: ``sink`` is given each batch as it comes, without ``head``.

    Returns how fast the pass was, which the log says too.
    """
    data = work.data
    data.predict_on(work.positions, whole=work.learner.task != "classification")
    scorer = _Scorer(work, sink)
    with bar(description, total=len(data.predict_dataloader())) as advance, interruptible():
        make_trainer = work.make_trainer
        make_trainer(callbacks=[Advance(advance)]).predict(scorer, datamodule=data, return_predictions=False)
    pace = Pace(len(work.positions), perf_counter() - scorer.started, scorer.seconds)
    pace.log(description)
    return pace


def were_read(data: ImageData, positions: Positions, predictions: Predictions) -> NDArray[np.bool_]:
    """Which of the ``positions`` that a pass was asked for it could read, (n,): those that have a row, in that order.

    ``data.unreadable`` cannot say so: it remembers an image that failed once, and a later pass may read it.
    """
    return np.isin(data.source.table.ids[positions], predictions.ids)


def predict_batch(learner: Learner, images: Tensor, ids: Ids, draws: Any, needs: Collection[Need]) -> Predictions:
    """What ``needs`` names, except ``head``, for images (B, channels, S, S) that are called ``ids``.

    Reductions of draws are made here, so that nobody has to keep the draws for them.
    """
    wanted: set[Need] = {need for need in needs if need != "head"}
    reduced = [need for need in wanted if need in REDUCTIONS]
    asked: set[Need] = {"samples"} if reduced else set()
    found = learner.outputs(images, draws, asked.union(wanted.difference(reduced)))
    arrays: dict[str, Any] = {name: tensor.cpu().numpy() for name, tensor in found.items()}
    arrays |= {name: REDUCTIONS[name](arrays["samples"]).astype(np.float32) for name in reduced}
    return Predictions(ids, **{name: arrays[name] for name in arrays.keys() & set(needs)})


def _in_image_pixels(found: Predictions, batch: Batch) -> Predictions:
    """With the sizes of the images, and boxes as they lie in these, which were larger or smaller than their tensors."""
    sizes = batch.sizes.cpu().numpy()
    height, width = batch.images.shape[2:]
    scale = sizes[:, [1, 0, 1, 0]] / np.array([width, height, width, height], dtype=np.float32)

    def moved(boxes: Floats | None) -> Floats | None:
        return None if boxes is None else (boxes * scale.reshape(-1, *[1] * (boxes.ndim - 2), 4)).astype(np.float32)

    return replace(found, sizes=sizes, boxes=moved(found.boxes), box_draws=moved(found.box_draws))


def head_of(learner: Learner) -> Floats:
    """The learner's last linear layer as ``Predictions`` has it, (C, D + 1)."""
    head: Floats = learner.linear_head().float().cpu().numpy()
    return head


def concatenate(parts: Sequence[Predictions]) -> Predictions:
    """One after the other; all have the same arrays, and none a head."""
    names = [field.name for field in fields(Predictions) if parts and getattr(parts[0], field.name) is not None]
    arrays: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return Predictions(**({"ids": np.empty(0, dtype=np.str_)} | arrays))


@dataclass(frozen=True)
class Pace:
    """How fast a pass over images was.

    Attributes:
        images: how many.
        seconds: in all, from when the first of them was asked for.
        computing: of these, seconds in the model and in handing its results on; the rest went by until images came.
    """

    images: int
    seconds: float
    computing: float

    def log(self, description: str) -> None:
        """Say it in the log."""
        log.info("pass done", extra={"pass": description, **self.summary()})

    def summary(self) -> dict[str, str | float]:
        """For the log.

        >>> Pace(images=100, seconds=10.0, computing=2.0).summary()
        {'images_per_second': 10.0, 'bound_by': 'reading images', 'waited': 0.8}
        """
        waited = 1 - self.computing / self.seconds
        return {
            "images_per_second": round(self.images / self.seconds, 1),
            "bound_by": "reading images" if waited > 0.5 else "the model",
            "waited": round(waited, 2),
        }


class _Scorer(LightningModule):
    def __init__(self, work: Pass, sink: Sink) -> None:
        super().__init__()
        self.learner = work.learner
        self.started = perf_counter()
        self.seconds = 0.0
        self._work = work
        self._sink = sink
        self._draws: Any

    def on_predict_start(self) -> None:
        self._draws = self.learner.draws(torch.Generator().manual_seed(self._work.seed))
        self.started = perf_counter()  # setting up is neither the model nor reading

    def predict_step(self, batch: Batch, batch_idx: int) -> int:  # noqa: ARG002 (Lightning's signature)
        started = perf_counter()
        ids = self._work.data.source.table.ids[batch.positions.cpu().numpy()]
        found = predict_batch(self.learner, batch.images, ids, self._draws, self._work.needs)
        if self.learner.task != "classification":
            found = _in_image_pixels(found, batch)
        self._sink(found, batch.unreadable)
        self.seconds += perf_counter() - started
        return len(ids)  # Lightning warns of None
