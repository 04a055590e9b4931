"""One pass of a learner over samples -> Predictions."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import cast

import numpy as np
import torch
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor

from alframe.data import Batch, ImageData
from alframe.learner.classifier import Classifier
from alframe.learner.trainer import Advance, interruptible
from alframe.progress import bar
from alframe.types import Need, Positions, Predictions


def predict(
    learner: Classifier,
    data: ImageData,
    positions: Positions,
    needs: Collection[Need],
    make_trainer: Callable[..., Trainer],
    *,
    seed: int,
    description: str = "predict",
) -> Predictions:
    """What ``needs`` names, for the samples at these table positions, in that order.

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
    per_sample = set(needs) - {"head"}
    data.predict_on(positions)
    with bar(description, total=len(data.predict_dataloader())) as advance:
        trainer = make_trainer(callbacks=[Advance(advance)])
        scorer = _Scorer(learner, per_sample, seed)
        with interruptible():
            parts = cast("list[dict[str, Tensor]]", trainer.predict(scorer, datamodule=data) or [])
    found = {need: torch.cat([part[need] for part in parts]).numpy() for need in per_sample}
    if "head" in needs:
        found["head"] = learner.linear_head().float().cpu().numpy()
    read = torch.cat([part["positions"] for part in parts]).numpy() if parts else np.empty(0, dtype=np.int64)
    return Predictions(ids=data.source.table.ids[read], **found)


class _Scorer(LightningModule):
    def __init__(self, learner: Classifier, needs: Collection[Need], seed: int) -> None:
        super().__init__()
        self.learner = learner
        self._needs = needs
        self._seed = seed

    def on_predict_start(self) -> None:
        self._draws = self.learner.draws(torch.Generator().manual_seed(self._seed))

    def predict_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:  # noqa: ARG002 (Lightning's signature)
        found = self.learner.outputs(batch.images, self._draws, self._needs)
        return {"positions": batch.positions.cpu()} | {need: values.cpu() for need, values in found.items()}
