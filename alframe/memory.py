"""What a round trains on: the labels that are new since its champion, and the old ones that replay keeps."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from alframe.errors import DataError
from alframe.functional.randomness import derive_seed, generator
from alframe.replay import Replay
from alframe.scoring import predict
from alframe.steps import Steps
from alframe.storage import artefact, load_arrays, load_record, save_arrays, save_record
from alframe.training import Training
from alframe.types import Floats, Ids, Objects, Positions, Predictions, ReplayRecord, TrainingSet


@dataclass(frozen=True, eq=False)
class Recalled:
    """What the learners that had first learned these samples said of them.

    Attributes:
        ids: (M,) sample ids.
        probs: (M, C) class probabilities; zero for classes that there were not yet, or no label of them.
    """

    ids: Ids
    probs: Floats


@dataclass(frozen=True, kw_only=True)
class Memory(Steps):
    """The steps ``replay`` and ``recall`` of a round.

    A round continues the memory of the round that trained its champion, so that the labels of a challenger that was
    refused are new to the next one.

    Attributes:
        replay: chooses what is kept.
        training: says whether it wants recalled probabilities.
    """

    replay: Replay
    training: Training

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
            raise DataError(
                f"round {round} has nothing to train on: of {len(ids)} labelled samples none is new, and "
                f"{type(self.replay).__name__} keeps none; the ledger says why others are set aside"
            )
        new = np.isin(ids[wanted], record.new)
        chosen = TrainingSet(positions[wanted], labels[wanted], new=new, learnt=self._learnt(record.base))
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
        remembered = set() if former is None else {*former.new, *former.kept}.difference(new)
        old = self.pool.positions([name for name in labelled if name in remembered])
        kept = self.replay.keep(self._seen(round, old), generator(self.seed, round, "replay"))
        if not new and not kept:  # as when all that was asked for is set aside; the round has to end
            kept = dict.fromkeys(self.pool.table.ids[old].tolist(), "nothing new came")
        return ReplayRecord(round, base, max(latest.values(), default=0), tuple(new), kept, self.replay.new_weight)

    def _seen(self, round: int, old: Positions) -> Predictions:
        """The old samples with their labels, and with what replay reads of the champion where it has to choose."""
        capacity, base = self.replay.capacity, self.learners.base(round)
        found = Predictions(self.pool.table.ids[old])
        if base is not None and capacity is not None and 0 < capacity < len(old):
            learner, seed = self.learners.of(base), derive_seed(self.seed, round, "replay")
            if needs := self.replay.needs(learner.task):
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
        said: dict[str, Floats] = {}
        if self.journal.done(base, "recall"):
            former = load_arrays(self.journal.path(base, "recall"), Recalled)
            said |= zip(former.ids.tolist(), former.probs, strict=True)
        if fresh := [name for name in kept if name not in said]:
            seed, learner = derive_seed(self.seed, round, "recall"), self.learners.of(base)
            positions = self.pool.positions(fresh)
            now = predict(learner, self.data, positions, {"probs"}, self.make_trainer, seed=seed, description="recall")
            if now.probs is not None:  # as it is where no image could be read
                probs = now.probs * self._learnt(base)[: now.probs.shape[1]]
                said |= zip(now.ids.tolist(), probs, strict=True)
        ids = [name for name in kept if name in said]
        probs = np.zeros((len(ids), self.data.num_classes), dtype=np.float32)
        for row, name in enumerate(ids):
            probs[row, : len(said[name])] = said[name]
        return Recalled(np.array(ids, dtype=np.str_), probs)

    def _learnt(self, base: int | None) -> NDArray[np.bool_]:
        """(C,) the classes that had labels when the champion was trained; the ledger says so whatever came since."""
        read = 0 if base is None else self._record_of(base).ledger
        found = np.zeros(self.data.num_classes, dtype=np.bool_)
        for entry in self.pool.ledger.entries():
            label = entry.annotation.label
            if entry.entry <= read and label is not None:
                found[label.labels if isinstance(label, Objects) else label] = True
        return found

    def _record_of(self, round: int) -> ReplayRecord:
        return load_record(self.journal.path(round, "replay"), ReplayRecord)
