"""What a round sees of the pool: its candidates, what the latest learner says of them, what the run knows besides."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import rmtree

import numpy as np

from alframe.candidates import Candidates, Situation
from alframe.chronicle import Chronicle, view_of
from alframe.errors import DataError
from alframe.functional.randomness import derive_seed
from alframe.learner import pixel_embeddings
from alframe.pool import State
from alframe.scoring import Scoring, keep, predict, score, seen
from alframe.steps import Steps
from alframe.storage import (
    MANIFEST,
    artefact,
    load_record,
    read_manifest,
    read_predictions,
    save_arrays,
    save_record,
)
from alframe.types import Need, Positions, Prediction, Predictions, Preview, Query


@dataclass(frozen=True, kw_only=True)
class Survey(Steps):
    """The steps of a round that look at images: ``candidates``, ``predict``, ``view`` and ``preview``.

    Attributes:
        candidates: which part of the pool is looked at.
        scoring: how predictions are kept.
        cache: where candidates keep what they use from round to round.
        initial: labels in the first query.
        batch: labels in each further query.
    """

    candidates: Candidates
    scoring: Scoring
    cache: Path
    initial: int
    batch: int

    def inspect(self) -> None:
        """Set aside what cannot be read, of all samples that are read before anything is known of them."""
        # A pool that is too large to score is too large to look through.
        unlabelled = () if self.candidates.everything else self.pool.in_state(State.UNLABELLED)
        wanted = np.setdiff1d(np.arange(len(self.pool.table)), unlabelled)
        unreadable = self.data.inspect(wanted)
        if len(unreadable) == len(self.pool.table):
            raise DataError(f"none of the {len(unreadable)} images can be read: {next(iter(unreadable.values()))}")
        self.pool.set_aside(unreadable, round=0)

    def predict(self, round: int, needs: Collection[Need], *, with_labelled: bool) -> None:
        """Predict what is needed of the candidates, and of the labelled samples if they are asked for."""
        if self.journal.done(round, "predict"):
            return
        with self.journal.step(round, "predict", artefact(round, f"predictions/{MANIFEST}")) as manifest:
            positions = self._candidates(round)
            if with_labelled:
                positions = np.concatenate([positions, self.pool.in_state(State.LABELLED)])
            self._score(round, positions, needs, manifest)
            if len(positions) and np.isin(positions, list(self.data.unreadable)).all():
                rmtree(manifest.parent)
                raise DataError(f"none of the {len(positions)} images of the pool can be read: are they still there?")

    def read(self, round: int, *, with_history: bool) -> tuple[Predictions, Predictions]:
        """What was predicted of the unlabelled and of the labelled, with what the run knows of each."""
        folder = self.journal.path(round, "predict").parent
        # Not before the step is done: what it asks for would be another set when it is done again.
        lost = read_manifest(folder).unreadable
        places = self.pool.positions(np.array(list(lost), dtype=np.str_)).tolist()
        for position, reason in zip(places, lost.values(), strict=True):
            self.data.note_unreadable(position, reason)
        self.set_aside_unreadable(round)
        predictions = read_predictions(folder)
        positions = self.pool.positions(predictions.ids)
        known = self.pool.table.take(positions)
        predictions = replace(predictions, costs=known.costs, evidence=known.evidence)
        if with_history:
            history = Chronicle(self.journal, self.pool).history(round, predictions.ids)
            predictions = replace(predictions, history=history)
        # The unlabelled come first, so that taking them copies nothing.
        first = int(np.count_nonzero(self.pool.states()[positions] == State.UNLABELLED))
        return predictions.take(slice(first)), self._with_labels(predictions.take(slice(first, None)))

    def view(self, round: int, unlabelled: Predictions) -> None:
        """Write down what the learner says of the pool, for later rounds and for stopping rules."""
        if len(unlabelled) and not self.journal.done(round, "view"):
            with self.journal.step(round, "view", artefact(round, "view.npz")) as path:
                save_arrays(path, view_of(round, unlabelled))

    def preview(self, query: Query) -> None:
        """Write down what the learner sees in the images it asks about, where that can be drawn."""
        round = query.round
        if round == 0 or self.journal.done(round, "preview"):
            return
        learner = self.learners.before(round)
        if learner.shows:
            with self.journal.step(round, "preview", artefact(round, "preview.json")) as path:
                positions, seed = self.pool.positions(query.ids), derive_seed(self.seed, round, "preview")
                found = predict(
                    learner, self.data, positions, learner.shows, self.make_trainer, seed=seed, description="preview"
                )
                save_record(path, Preview(round, seen(found)))

    def predictions(self, query: Query) -> dict[str, Prediction]:
        """What the learner that looked says of the samples of a query, by id; nothing of the first one's."""
        round = query.round
        if round == 0:
            return {}
        learner = self.learners.before(round)
        if learner.shows:
            seen_before = load_record(self.journal.path(round, "preview"), Preview).found
            return {sample_id: Prediction(objects) for sample_id, objects in seen_before.items()}
        positions, seed = self.pool.positions(query.ids), derive_seed(self.seed, round, "preview")
        found = predict(learner, self.data, positions, {"probs"}, self.make_trainer, seed=seed, description="preview")
        if found.probs is None:  # as it is where no image could be read
            return {}
        rows = zip(found.ids.tolist(), found.probs.argmax(axis=1).tolist(), found.probs.tolist(), strict=True)
        return {sample_id: Prediction(label, tuple(probs)) for sample_id, label, probs in rows}

    def set_aside_unreadable(self, round: int) -> None:
        """Record in the ledger what could not be read so far."""
        self.pool.set_aside(self.data.unreadable, round)

    def _candidates(self, round: int) -> Positions:
        unlabelled = self.pool.in_state(State.UNLABELLED)
        if self.candidates.everything or (round == 0 and not self.candidates.from_the_start):
            return unlabelled
        if not self.journal.done(round, "candidates"):
            with self.journal.step(round, "candidates", artefact(round, "candidates.npy")) as path:
                labelled, labels = self.pool.labelled()
                situation = Situation(
                    round=round,
                    known=self.learners.known(round),
                    data=self.data,
                    unlabelled=unlabelled,
                    labelled=labelled,
                    labels=labels,
                    budget=self.initial if round == 0 else self.batch,
                    make_trainer=self.make_trainer,
                    folder=self.cache,
                    seed=derive_seed(self.seed, round, "candidates"),
                )
                np.save(path, self.candidates.choose(situation))
                self.set_aside_unreadable(round)
        return np.intersect1d(np.load(self.journal.path(round, "candidates")), self.pool.in_state(State.UNLABELLED))

    def _score(self, round: int, positions: Positions, needs: Collection[Need], manifest: Path) -> None:
        seed = derive_seed(self.seed, round, "predict")
        if needs and round > 0:
            score(
                self.learners.before(round),
                self.data,
                positions,
                needs,
                self.make_trainer,
                manifest,
                model=self.learners.version(round),
                seed=seed,
                scoring=self.scoring,
            )
        elif needs and len(positions):
            keep(pixel_embeddings(self.data, positions, seed=seed), manifest)
        else:
            keep(Predictions(self.pool.table.ids[positions]), manifest)

    def _with_labels(self, known: Predictions) -> Predictions:
        labelled, labels = self.pool.labelled()
        found = labels[np.searchsorted(labelled, self.pool.positions(known.ids))]
        return replace(known, objects=found) if self.pool.table.has_objects else replace(known, labels=found)
