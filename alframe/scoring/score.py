"""A pool of any size scored to files: what is done stays done, and memory does not grow with the pool."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
from pytorch_lightning import Trainer

from alframe.data import ImageData
from alframe.errors import ConfigurationError
from alframe.learner import Learner
from alframe.progress import say
from alframe.scoring.engine import LOCAL, Engine
from alframe.scoring.predict import Pace, Pass, concatenate, head_of
from alframe.storage import Precision, PredictionStore, Request
from alframe.types import Need, Positions, Predictions, SampleTable


@dataclass(frozen=True)
class Scoring:
    """How predictions on a pool are kept.

    Attributes:
        precision: of arrays on disk with several numbers a sample; float16 halves them.
        block: images whose predictions are written at once: the most that a kill can lose, and that memory holds.
    """

    precision: Precision = "float32"
    block: int = 8192

    def __post_init__(self) -> None:
        """Refuse blocks of nothing."""
        if self.block < 1:
            raise ConfigurationError(f"scoring.block must be at least 1, got {self.block}")


def score(
    learner: Learner,
    data: ImageData,
    positions: Positions,
    needs: Collection[Need],
    make_trainer: Callable[..., Trainer],
    manifest: Path,
    *,
    model: str,
    seed: int,
    scoring: Scoring,
    engine: Engine = LOCAL,
    setup: Mapping[str, Any] | None = None,
) -> Pace | None:
    """``predict`` into the folder of ``manifest``; begun there before, go on at the first block that is missing.

    A sample that turns out to be unreadable is left out, and noted in ``data.unreadable``. Returns how fast it was;
    ``None`` where nothing was missing. Costs that are not all 1 are kept with the predictions.

    Args:
        learner: predicts.
        data: reads the images.
        positions: into the source's table.
        needs: which arrays to compute.
        make_trainer: builds a Trainer, given ``callbacks``.
        manifest: where to write what, whole, becomes the folder's ``MANIFEST``; ``read_predictions`` reads the folder.
        model: the version of the learner.
        seed: of the posterior's draws; equal seeds give equal draws.
        scoring: how predictions are kept.
        engine: where to compute.
        setup: what else decides the predictions and no other record holds, by its key in the configuration.

    Raises:
        RunConflict: the folder holds predictions that were asked for otherwise.
        InvalidInput: a number that the precision on disk cannot hold.
    """
    ids = data.source.table.ids
    request = Request.of(ids[positions], needs, model=model, seed=seed, precision=scoring.precision, setup=setup)
    store = PredictionStore(manifest.parent, request)
    if lost := store.unreadable:
        for position in positions[np.isin(ids[positions], list(lost))].tolist():
            data.unreadable[position] = lost[str(ids[position])]
    if 0 < store.asked < len(positions):
        say(f"{store.asked} of {len(positions)} images are scored already; going on with the others")
    left, pace = positions[store.asked :], None
    if len(left):
        blocks = _Blocks(store, data.source.table, left, scoring.block)
        pace = engine.stream(Pass(learner, data, left, needs, make_trainer, seed), blocks.add)
        blocks.write()
    store.finish(manifest, head_of(learner) if "head" in needs else None)
    return pace


def keep(predictions: Predictions, manifest: Path) -> None:
    """Write predictions that are in memory as ``score`` writes those that are not."""
    needs = [name for name in get_args(Need) if getattr(predictions, name) is not None]
    request = Request.of(predictions.ids, needs, model="", seed=0, precision="float32")
    store = PredictionStore(manifest.parent, request)
    if store.asked == 0 and len(predictions):
        store.append(predictions, {})
    store.finish(manifest)


class _Blocks:
    """Gathers batches until a block is full: its borders are those of batches, so that batches are the same again."""

    def __init__(self, store: PredictionStore, table: SampleTable, positions: Positions, size: int) -> None:
        self._store, self._table, self._left, self._size = store, table, positions, size
        self._has_costs = bool((table.costs != 1).any())
        self._batches: list[Predictions] = []
        self._unreadable: dict[str, str] = {}

    def add(self, batch: Predictions, unreadable: Mapping[int, str]) -> None:
        asked, self._left = np.split(self._left, [len(batch) + len(unreadable)])
        if self._has_costs:
            batch = replace(batch, costs=self._table.costs[asked[~np.isin(asked, list(unreadable))]])
        self._batches.append(batch)
        self._unreadable |= {str(self._table.ids[position]): reason for position, reason in unreadable.items()}
        if sum(map(len, self._batches)) + len(self._unreadable) >= self._size:
            self.write()

    def write(self) -> None:
        if self._batches:
            self._store.append(concatenate(self._batches), self._unreadable)
        self._batches, self._unreadable = [], {}
