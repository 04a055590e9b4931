"""What a round trains on: the labels that are new since its champion, and the old ones that replay keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
from pytorch_lightning import Trainer

from alframe.data import ImageData
from alframe.errors import DataError
from alframe.functional.randomness import derive_seed, generator
from alframe.learners import Learners
from alframe.pool import Pool
from alframe.replay import Replay
from alframe.scoring import predict
from alframe.storage import Journal, artefact, load_arrays, load_record, save_arrays, save_record
from alframe.strategy import required
from alframe.training import Training
from alframe.types import Floats, Ids, Need, Positions, Predictions, ReplayRecord, TrainingSet


@dataclass(frozen=True, eq=False)
class Recalled:
    """What the learners that had first learned these samples said of them.

    Attributes:
        ids: (M,) sample ids.
        probs: (M, C) class probabilities.
    """

    ids: Ids
    probs: Floats


@dataclass(frozen=True)
class Memory:
    """The steps ``replay`` and ``recall`` of a round.

    A round continues the memory of the round that trained its champion, so that the labels of a challenger that was
    refused are new to the next one.

    Attributes:
        data: reads the images.
        pool: the samples and their labels.
        learners: of the rounds before.
        replay: chooses what is kept.
        training: says whether it wants recalled probabilities.
        make_trainer: builds a Lightning Trainer.
        journal: of the run.
        seed: of the run.
    """

    data: ImageData
    pool: Pool
    learners: Learners
    replay: Replay
    training: Training
    make_trainer: Callable[..., Trainer]
    journal: Journal
    seed: int

    def training_set(self, round: int) -> TrainingSet:
        """The samples that ``round`` trains on, as far as they still have a label.

        Raises:
            DataError: there are none.
        """
        record = self._replay(round)
        positions, labels = self.pool.labelled()
        ids = self.pool.table.ids[positions]
        wanted = np.isin(ids, [*record.new, *record.kept])
        if not wanted.any():
            raise DataError(f"round {round} has no labelled sample to train on: the ledger says why they are set aside")
        new = np.isin(ids[wanted], record.new)
        chosen = TrainingSet(positions[wanted], labels[wanted], new=new)
        chosen = replace(chosen, weights=self.replay.weights(chosen))
        return replace(chosen, recalled=self._recall(round, ids[wanted])) if self.training.recalls else chosen

    def _replay(self, round: int) -> ReplayRecord:
        if not self.journal.done(round, "replay"):
            with self.journal.step(round, "replay", artefact(round, "replay.json")) as path:
                save_record(path, self._record(round))
        return self._record_of(round)

    def _record(self, round: int) -> ReplayRecord:
        base = self.learners.base(round)
        former = None if base is None else self._record_of(base)
        latest = {entry.annotation.sample_id: entry.entry for entry in self.pool.ledger.entries()}
        known = 0 if former is None else former.ledger
        labelled = self.pool.table.ids[self.pool.labelled()[0]].tolist()
        new = [name for name in labelled if latest[name] > known]
        remembered = set() if former is None else {*former.new, *former.kept}
        old = self._positions(name for name in labelled if name in remembered.difference(new))
        kept = self.replay.keep(self._seen(round, old), generator(self.seed, round, "replay"))
        return ReplayRecord(round, base, max(latest.values(), default=0), tuple(new), kept, self.replay.new_weight)

    def _seen(self, round: int, old: Positions) -> Predictions:
        """The old samples with their labels, and with what replay reads of the champion where it has to choose."""
        capacity = self.replay.capacity
        choice = capacity is not None and 0 < capacity < len(old)
        needs: frozenset[Need] = self.replay.needs if choice else frozenset()
        base = self.learners.base(round)
        found = Predictions(self.pool.table.ids[old])
        if needs and base is not None:
            seed = derive_seed(self.seed, round, "replay")
            learner = self.learners.of(base)
            found = predict(learner, self.data, old, needs, self.make_trainer, seed=seed, description="replay")
        labelled, labels = self.pool.labelled()
        given = labels[np.searchsorted(labelled, self.pool.positions(found.ids))]
        return replace(found, objects=given) if self.pool.table.has_objects else replace(found, labels=given)

    def _recall(self, round: int, ids: Ids) -> Floats | None:
        if self.learners.base(round) is None:
            return None
        if not self.journal.done(round, "recall"):
            with self.journal.step(round, "recall", artefact(round, "recalled.npz")) as path:
                save_arrays(path, self._recalled(round))
        recalled = load_arrays(self.journal.path(round, "recall"), Recalled)
        rows = np.full((len(ids), recalled.probs.shape[1]), np.nan, dtype=recalled.probs.dtype)
        place = {name: row for row, name in enumerate(recalled.ids.tolist())}
        for row, name in enumerate(ids.tolist()):
            if name in place:
                rows[row] = recalled.probs[place[name]]
        return rows

    def _recalled(self, round: int) -> Recalled:
        """What was recalled of a kept sample before; of one that the champion was the first to learn, what it says."""
        base = self.learners.base(round)
        assert base is not None  # noqa: S101 (the caller looked)
        kept = sorted(self._record_of(round).kept)
        before: dict[str, Floats] = {}
        if self.journal.done(base, "recall"):
            former = load_arrays(self.journal.path(base, "recall"), Recalled)
            before = dict(zip(former.ids.tolist(), former.probs, strict=True))
        fresh = self._positions(name for name in kept if name not in before)
        seed, learner = derive_seed(self.seed, round, "recall"), self.learners.of(base)
        said = predict(learner, self.data, fresh, {"probs"}, self.make_trainer, seed=seed, description="recall")
        found = dict(zip(said.ids.tolist(), required(said, "probs"), strict=True))
        both = {name: before.get(name, found.get(name)) for name in kept}
        there = {name: probs for name, probs in both.items() if probs is not None}
        width = self.data.num_classes
        probs = np.array(list(there.values()), dtype=np.float32).reshape(len(there), width)
        return Recalled(np.array(list(there), dtype=np.str_), probs)

    def _positions(self, ids: Iterable[str]) -> Positions:
        return self.pool.positions(list(ids))

    def _record_of(self, round: int) -> ReplayRecord:
        return load_record(self.journal.path(round, "replay"), ReplayRecord)
