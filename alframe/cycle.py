"""One active-learning run: rounds of steps, each done once, whatever happens in between."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from shutil import rmtree
from typing import cast

import numpy as np
from pytorch_lightning import Trainer

from alframe.calibration import Calibration
from alframe.candidates import Candidates, Situation
from alframe.chronicle import Chronicle, view_of
from alframe.data import ImageData
from alframe.errors import ConfigurationError, DataError, LabelsPending, PoolExhausted
from alframe.evaluation import evaluate
from alframe.functional.randomness import derive_seed, generator
from alframe.learner import Classifier, Learner, load_weights, pixel_embeddings, save_weights
from alframe.oracle import Oracle
from alframe.pool import Pool, State
from alframe.progress import say
from alframe.scoring import Scoring, keep, score
from alframe.stopping import StoppingRule
from alframe.storage import (
    MANIFEST,
    Journal,
    file_sha256,
    load_record,
    read_manifest,
    read_predictions,
    save_arrays,
    save_record,
)
from alframe.strategy import Strategy
from alframe.training import FromScratch
from alframe.types import CurvePoint, Need, Positions, Predictions, Progress, Query

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """How far a run goes.

    Attributes:
        initial: labels in the first set, which ``cold_start`` chooses.
        batch: labels in each further query.
        rounds: how many further queries, unless a stopping rule ends the run before.
        validation: labelled samples held out for early stopping and calibration; never queried, nor counted as queried.
    """

    initial: int = 20
    batch: int = 20
    rounds: int = 10
    validation: int = 0

    def __post_init__(self) -> None:
        """Refuse numbers that make no run."""
        for name, least in (("initial", 1), ("batch", 1), ("rounds", 0), ("validation", 0)):
            if getattr(self, name) < least:
                raise ConfigurationError(f"cycle.{name} must be at least {least}, got {getattr(self, name)}")


@dataclass(frozen=True)
class Cycle:
    """A pool, a learner, a strategy, an oracle, and the journal that holds them together.

    Round 0 labels the first set, which ``cold_start`` chooses without a learner. Each further round queries through
    the learner of the round before; every round ends with a newly trained learner and its evaluation. All random
    decisions are derived from ``seed``, the round and the step, so that a run that was killed and started again
    decides as one that was not. What ``candidates`` keep from round to round lies in ``cache``.
    """

    plan: Plan
    data: ImageData
    pool: Pool
    make_learner: Callable[[], Learner]
    make_trainer: Callable[..., Trainer]
    training: FromScratch
    calibration: Calibration
    cold_start: Strategy
    strategy: Strategy
    oracle: Oracle
    stopping: StoppingRule
    candidates: Candidates
    scoring: Scoring
    cache: Path
    journal: Journal
    seed: int
    _latest: dict[int, Learner] = field(default_factory=dict, init=False, repr=False)

    def run(self) -> str:
        """Do every step that is not done yet, and return why the run ended.

        Raises:
            LabelsPending: the oracle has not answered everything; run again when it has.
            DataError: there is nothing to train or to test on.
        """
        self._inspect()
        for round in range(self.plan.rounds + 1):
            self._predict(round)
            try:
                query = self._query(round)
            except PoolExhausted as exhausted:
                return str(exhausted)
            if reason := self.stopping.reason(self._progress(round, query)):
                return reason
            self._ask(query)
            self._collect(query)
            self._train(round)
            self._evaluate(round)
            if reason := self.stopping.reason(self._progress(round + 1)):
                return reason
        return f"all {self.plan.rounds} rounds are done"

    def _inspect(self) -> None:
        if not self.journal.done(0, "inspect"):
            with self.journal.step(0, "inspect"):
                # A pool that is too large to score is too large to look through.
                unlabelled = () if self.candidates.everything else self.pool.in_state(State.UNLABELLED)
                wanted = np.setdiff1d(np.arange(len(self.pool.table)), unlabelled)
                unreadable = self.data.inspect(wanted)
                if len(unreadable) == len(self.pool.table):
                    raise DataError(
                        f"none of the {len(unreadable)} images can be read: {next(iter(unreadable.values()))}"
                    )
                self.pool.set_aside(unreadable, round=0)
        aside = len(self.pool.in_state(State.SET_ASIDE))
        if aside:
            say(f"[yellow]{aside} samples are set aside[/]; the ledger has the reasons")
        if len(self.pool.in_state(State.TEST)) == 0:
            raise DataError("no readable test sample: a run needs held-out images with labels to measure progress on")

    def _predict(self, round: int) -> None:
        if self.journal.done(round, "predict"):
            return
        with self.journal.step(round, "predict", _artefact(round, f"predictions/{MANIFEST}")) as manifest:
            positions = self._candidates(round)
            if self._strategy(round).uses_labelled:
                positions = np.concatenate([positions, self.pool.in_state(State.LABELLED)])
            self._score(round, positions, manifest)
            if len(positions) and np.isin(positions, list(self.data.unreadable)).all():
                rmtree(manifest.parent)
                raise DataError(f"none of the {len(positions)} images of the pool can be read: are they still there?")

    def _candidates(self, round: int) -> Positions:
        unlabelled = self.pool.in_state(State.UNLABELLED)
        if round == 0 or self.candidates.everything:
            return unlabelled
        if not self.journal.done(round, "candidates"):
            with self.journal.step(round, "candidates", _artefact(round, "candidates.npy")) as path:
                labelled, labels = self.pool.labelled()
                situation = Situation(
                    data=self.data,
                    unlabelled=unlabelled,
                    labelled=labelled,
                    labels=labels,
                    budget=self.plan.batch,
                    make_trainer=self.make_trainer,
                    folder=self.cache,
                    seed=derive_seed(self.seed, round, "candidates"),
                )
                np.save(path, self.candidates.choose(situation))
                self._set_aside_unreadable(round)
        return np.intersect1d(np.load(self.journal.path(round, "candidates")), self.pool.in_state(State.UNLABELLED))

    def _score(self, round: int, positions: Positions, manifest: Path) -> None:
        needs, seed = self._needs(round) - {"history"}, derive_seed(self.seed, round, "predict")
        if needs and round > 0:
            score(
                self._learner(round - 1),
                self.data,
                positions,
                needs,
                self.make_trainer,
                manifest,
                model=self._version(round - 1),
                seed=seed,
                scoring=self.scoring,
            )
        elif needs and len(positions):
            keep(pixel_embeddings(self.data, positions, seed=seed), manifest)
        else:
            keep(Predictions(self.pool.table.ids[positions]), manifest)

    def _query(self, round: int) -> Query:
        if not self.journal.done(round, "query"):
            folder = self.journal.path(round, "predict").parent
            # Not before the step is done: what it asks for would be another set when it is done again.
            lost = read_manifest(folder).unreadable
            places = self.pool.positions(np.array(list(lost), dtype=np.str_)).tolist()
            for position, reason in zip(places, lost.values(), strict=True):
                self.data.note_unreadable(position, reason)
            self._set_aside_unreadable(round)
            unlabelled, labelled = self._split(read_predictions(folder), round)
            self._view(round, unlabelled)
            wanted = self.plan.initial if round == 0 else self.plan.batch
            allowed = self.stopping.allows(self._progress(round))
            budget = int(min(wanted, allowed, len(unlabelled)))
            if budget == 0:
                raise PoolExhausted("no unlabelled samples are left")
            with self.journal.step(round, "query", _artefact(round, "query.json")) as path:
                strategy = self._strategy(round)
                rng = generator(self.seed, round, "query")
                chosen = strategy.select(unlabelled, budget, labelled=labelled, rng=rng)
                scores = None if chosen.scores is None else tuple(chosen.scores.tolist())
                ids = tuple(unlabelled.ids[chosen.positions].tolist())
                save_record(path, Query(round, ids, scores, type(strategy).__name__, self._version(round - 1)))
        # The weights can give the predictions again, and over many rounds they would fill the disk.
        self.journal.discard(round, "predict", folder=True)
        return load_record(self.journal.path(round, "query"), Query)

    def _view(self, round: int, unlabelled: Predictions) -> None:
        if round > 0 and self._remembers and len(unlabelled) and not self.journal.done(round, "view"):
            with self.journal.step(round, "view", _artefact(round, "view.npz")) as path:
                save_arrays(path, view_of(round, unlabelled))

    def _split(self, predictions: Predictions, round: int) -> tuple[Predictions, Predictions]:
        """Those of the unlabelled and of the labelled, with what the run knows of each."""
        positions = self.pool.positions(predictions.ids)
        predictions = replace(predictions, costs=self.pool.table.costs[positions])
        if "history" in self._needs(round):
            predictions = replace(predictions, history=self._chronicle.history(round, predictions.ids))
        # The unlabelled come first, so that taking them copies nothing.
        first = int(np.count_nonzero(self.pool.states()[positions] == State.UNLABELLED))
        known, (labelled, labels) = predictions.take(slice(first, None)), self.pool.labelled()
        known = replace(known, labels=labels[np.searchsorted(labelled, self.pool.positions(known.ids))])
        return predictions.take(slice(first)), known

    def _ask(self, query: Query) -> None:
        if not self.journal.done(query.round, "ask"):
            with self.journal.step(query.round, "ask"):
                self.oracle.ask(query)

    def _collect(self, query: Query) -> None:
        if not self.journal.done(query.round, "collect"):
            with self.journal.step(query.round, "collect"):
                annotations = self.oracle.collect(query)
                self.pool.ledger.append(annotations)
                missing = set(query.ids) - {annotation.sample_id for annotation in annotations}
                if missing:
                    raise LabelsPending(
                        f"{len(missing)} of the {len(query.ids)} labels of round {query.round} are still to come; "
                        "give the same command again when they are there"
                    )

    def _train(self, round: int) -> None:
        if self.journal.done(round, "train"):
            return
        with self.journal.step(round, "train", _artefact(round, "weights.safetensors")) as path:
            learner = self._fit(round)
            if self.calibration.needs_held_out:
                validation, seed = self.pool.in_state(State.VALIDATION), derive_seed(self.seed, round, "calibrate")
                self.calibration.fit(cast("Classifier", learner), self.data, validation, self.make_trainer, seed=seed)
            save_weights(learner, path)
        self._remember(round, learner)

    def _fit(self, round: int) -> Learner:
        positions, labels = self.pool.labelled()
        if len(positions) == 0:
            raise DataError(f"round {round} has no labelled sample to train on: the ledger says why they are set aside")
        learner = self.training.fit(
            self.make_learner,
            self.data,
            positions,
            labels,
            self.make_trainer,
            validation=self.pool.in_state(State.VALIDATION),
            seed=derive_seed(self.seed, round, "train"),
        )
        lost = np.isin(positions, list(self.data.unreadable))
        if not lost.any():
            return learner
        if lost.all():
            raise DataError(f"none of the {len(positions)} labelled images can be read: are they still there?")
        # Some were lost on the way. Train on the others alone, as a run does that is killed here and started again.
        self._set_aside_unreadable(round)
        return self._fit(round)

    def _evaluate(self, round: int) -> CurvePoint:
        if not self.journal.done(round, "evaluate"):
            with self.journal.step(round, "evaluate", _artefact(round, "evaluation.json")) as path:
                test, seed = self.pool.in_state(State.TEST), derive_seed(self.seed, round, "evaluate")
                evaluation = evaluate(self._learner(round), self.data, test, self.make_trainer, seed=seed)
                found = CurvePoint(round, len(self.pool.labelled()[0]), evaluation)
                save_record(path, found)
                self._set_aside_unreadable(round)
            log.info("round finished", extra=asdict(found))
        point = load_record(self.journal.path(round, "evaluate"), CurvePoint)
        seconds = sum(entry.seconds for entry in self.journal.entries() if entry.round == round)
        metrics = "   ".join(f"{name} {value:.4f}" for name, value in point.evaluation.metrics.items())
        say(f"round {round:>3}   {point.labels:>6} labels   {metrics}   {seconds:6.1f} s")
        return point

    def _strategy(self, round: int) -> Strategy:
        return self.cold_start if round == 0 else self.strategy

    def _needs(self, round: int) -> frozenset[Need]:
        """What the learner is asked for: by the strategy, by the stopping rule, and for the rounds to come."""
        needs = self._strategy(round).needs
        if round > 0 and self._remembers:
            needs |= {"probs"}
        return needs

    def _progress(self, rounds: int, query: Query | None = None) -> Progress:
        return self._chronicle.progress(rounds, query, with_views="probs" in self.stopping.needs)

    @property
    def _remembers(self) -> bool:
        return "history" in self.strategy.needs or "probs" in self.stopping.needs

    @property
    def _chronicle(self) -> Chronicle:
        return Chronicle(self.journal, self.pool)

    def _learner(self, round: int) -> Learner:
        if round not in self._latest:
            learner = self.make_learner()
            load_weights(learner, self.journal.path(round, "train"))
            self._remember(round, learner.eval())
        return self._latest[round]

    def _remember(self, round: int, learner: Learner) -> None:
        self._latest.clear()
        self._latest[round] = learner

    def _version(self, round: int) -> str:
        return file_sha256(self.journal.path(round, "train")) if round >= 0 else ""

    def _set_aside_unreadable(self, round: int) -> None:
        self.pool.set_aside(self.data.unreadable, round)


def _artefact(round: int, name: str) -> str:
    return f"round-{round:03d}/{name}"
