"""One active-learning run: rounds of steps, each done once, whatever happens in between."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pytorch_lightning import Trainer

from alframe.calibration import Calibration
from alframe.candidates import Candidates
from alframe.chronicle import Chronicle
from alframe.data import ImageData
from alframe.errors import ConfigurationError, DataError, PoolExhausted
from alframe.functional.randomness import generator
from alframe.gate import Gate
from alframe.inquiry import Inquiry
from alframe.learner import Learner
from alframe.learners import Learners
from alframe.lesson import Lesson
from alframe.memory import Memory
from alframe.oracle import Oracle
from alframe.pool import Pool, State
from alframe.progress import say
from alframe.registry import PromotionLog, Registry
from alframe.replay import Replay
from alframe.scoring import Scoring
from alframe.stopping import StoppingRule
from alframe.storage import Journal, artefact, load_record, save_record
from alframe.strategy import Strategy
from alframe.succession import Succession, ended, interrupted
from alframe.survey import Survey
from alframe.training import Training
from alframe.types import Beginning, CurvePoint, Progress, Query

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """How far a run goes.

    Attributes:
        initial: labels in the first set, which ``cold_start`` chooses.
        batch: labels in each further query.
        rounds: how many further queries, unless a stopping rule ends the run before.
        validation: labelled samples held out for early stopping and calibration; never queried, nor counted as queried.
        gate: labelled samples held out for comparing a challenger with the champion; never queried either.
    """

    initial: int = 20
    batch: int = 20
    rounds: int = 10
    validation: int = 0
    gate: int = 0

    def __post_init__(self) -> None:
        """Refuse numbers that make no run."""
        for name, least in (("initial", 1), ("batch", 1), ("rounds", 0), ("validation", 0), ("gate", 0)):
            if getattr(self, name) < least:
                raise ConfigurationError(f"cycle.{name} must be at least {least}, got {getattr(self, name)}")


@dataclass(frozen=True)
class Cycle:
    """A pool, a learner, a strategy, an oracle, and the journal that holds them together.

    Round 0 labels the first set, which ``cold_start`` chooses without a learner. Each further round queries through
    the champion; every round ends with a newly trained learner, its evaluation, and the decision whether it is champion
    from now on. All random
    decisions are derived from ``seed``, the round and the step, so that a run that was killed and started again
    decides as one that was not. What ``candidates`` keep from round to round lies in ``cache``.
    """

    plan: Plan
    data: ImageData
    pool: Pool
    make_learner: Callable[[], Learner]
    make_trainer: Callable[..., Trainer]
    replay: Replay
    training: Training
    calibration: Calibration
    cold_start: Strategy
    strategy: Strategy
    oracle: Oracle
    stopping: StoppingRule
    candidates: Candidates
    scoring: Scoring
    cache: Path
    gate: Gate
    registry: Registry
    promotions: PromotionLog
    journal: Journal
    name: str
    config: Mapping[str, Any]
    seed: int

    def run(self) -> str:
        """Do every step that is not done yet, and return why the run ended.

        Raises:
            LabelsPending: the oracle has not answered everything; run again when it has.
            DataError: there is nothing to train or to test on.
            ConfigurationError: a cycle that was begun with changes has not ended.
        """
        if (begun := interrupted(self.journal)) is not None and begun.changes:
            raise ConfigurationError(
                f"round {begun.round} was begun with changes ({' '.join(begun.changes)}): end it with `alframe cycle`"
            )
        self._inspect()
        for round in range(self.plan.rounds + 1):
            if ending := self._round(round, "the run's plan"):
                return ending
        return f"all {self.plan.rounds} rounds are done"

    def go_on(self, cause: str, key: str = "", changes: tuple[str, ...] = ()) -> str:
        """Do one round more, or end the one that was interrupted, and return what came of it.

        Args:
            cause: why, for people.
            key: names the request; one that was met already begins nothing. Empty for a request like no other.
            changes: what the parts of this cycle do otherwise than the run, for the record.

        Raises:
            LabelsPending: the oracle has not answered everything; ask again when it has.
            ConfigurationError: the run has not ended its first round.
        """
        if not self.journal.done(0, "promote"):
            raise ConfigurationError("the run has no champion yet: let `alframe run` end its first round")
        self._inspect()
        if (begun := interrupted(self.journal)) is not None:
            return self._one_round(begun.round, begun.cause)
        earlier = [load_record(self.journal.path(round, "begin"), Beginning) for round in ended(self.journal)]
        for met in earlier:
            if key and met.key == key:
                return f"round {met.round} was this cycle already"
        if reason := self.stopping.reason(self._progress(len(earlier))):
            return reason
        return self._one_round(len(earlier), cause, key, changes)

    def _one_round(self, round: int, cause: str, key: str = "", changes: tuple[str, ...] = ()) -> str:
        """A round outside the plan; one that ends before anybody was asked may begin anew, from what is there then."""
        ending = self._round(round, cause, key, changes)
        if not self.journal.done(round, "ask"):
            self.journal.rewind(round)
        return ending or f"round {round} is done"

    def _round(self, round: int, cause: str, key: str = "", changes: tuple[str, ...] = ()) -> str | None:
        """Every step of a round that is not done yet; the reason, if it is to be the last one."""
        # A round that began with nothing to ask for could never end, whatever arrives later.
        if not self.journal.done(round, "begin") and len(self.pool.in_state(State.UNLABELLED)) == 0:
            return "no unlabelled samples are left: add some with `alframe pool add`"
        self._succession.begin(round, cause, key, changes)
        self._predict(round)
        try:
            query = self._query(round)
        except PoolExhausted as exhausted:
            return str(exhausted)
        if reason := self.stopping.reason(self._progress(round, query)):
            return reason
        self._survey.preview(query)
        self._inquiry.ask(query, lambda: self._survey.predictions(query))
        self._inquiry.collect(query)
        self._lesson.train(round)
        self._tell(self._lesson.evaluate(round))
        self._succession.decide(round)
        self._succession.register(round)
        self._succession.promote(round)
        return self.stopping.reason(self._progress(round + 1))

    def _inspect(self) -> None:
        if not self.journal.done(0, "inspect"):
            with self.journal.step(0, "inspect"):
                self._survey.inspect()
        aside = len(self.pool.in_state(State.SET_ASIDE))
        if aside:
            say(f"[yellow]{aside} samples are set aside[/]; the ledger has the reasons")
        if len(self.pool.in_state(State.TEST)) == 0:
            raise DataError("no readable test sample: a run needs held-out images with labels to measure progress on")

    def _predict(self, round: int) -> None:
        strategy = self._strategy(round)
        needs = strategy.needs - {"history"}
        if round > 0 and self._remembers:
            needs |= {"probs"}
        self._survey.predict(round, needs, with_labelled=strategy.uses_labelled)

    def _query(self, round: int) -> Query:
        if not self.journal.done(round, "query"):
            strategy = self._strategy(round)
            unlabelled, labelled = self._survey.read(round, with_history="history" in strategy.needs)
            if round > 0 and self._remembers:
                self._survey.view(round, unlabelled)
            unlabelled = self._inquiry.allowed(unlabelled)
            wanted = self._inquiry.affordable(round, self.plan.initial if round == 0 else self.plan.batch)
            allowed = self.stopping.allows(self._progress(round))
            budget = int(min(wanted, allowed, len(unlabelled)))
            if budget == 0:
                raise PoolExhausted("no unlabelled samples are left that may be asked for")
            with self.journal.step(round, "query", artefact(round, "query.json")) as path:
                rng = generator(self.seed, round, "query")
                chosen = strategy.select(unlabelled, budget, labelled=labelled, rng=rng)
                scores = None if chosen.scores is None else tuple(chosen.scores.tolist())
                ids = tuple(unlabelled.ids[chosen.positions].tolist())
                model = self._learners.version(round)
                save_record(path, Query(round, ids, scores, type(strategy).__name__, model))
        # The weights can give the predictions again, and over many rounds they would fill the disk.
        self.journal.discard(round, "predict", folder=True)
        return load_record(self.journal.path(round, "query"), Query)

    def _tell(self, point: CurvePoint) -> None:
        seconds = sum(entry.seconds for entry in self.journal.entries() if entry.round == point.round)
        metrics = "   ".join(f"{name} {value:.4f}" for name, value in point.evaluation.metrics.items())
        say(f"round {point.round:>3}   {point.labels:>6} labels   {metrics}   {seconds:6.1f} s")

    def _strategy(self, round: int) -> Strategy:
        return self.cold_start if round == 0 else self.strategy

    def _progress(self, rounds: int, query: Query | None = None) -> Progress:
        chronicle = Chronicle(self.journal, self.pool)
        return chronicle.progress(rounds, query, with_views="probs" in self.stopping.needs)

    @property
    def _remembers(self) -> bool:
        return "history" in self.strategy.needs or "probs" in self.stopping.needs

    @cached_property
    def _learners(self) -> Learners:
        return Learners(self.make_learner, self.journal)

    @cached_property
    def _shared(self) -> dict[str, Any]:
        """The arguments of ``Steps``."""
        return {
            "data": self.data,
            "pool": self.pool,
            "learners": self._learners,
            "make_trainer": self.make_trainer,
            "journal": self.journal,
            "seed": self.seed,
        }

    @cached_property
    def _survey(self) -> Survey:
        return Survey(
            **self._shared,
            candidates=self.candidates,
            scoring=self.scoring,
            cache=self.cache,
            initial=self.plan.initial,
            batch=self.plan.batch,
        )

    @cached_property
    def _inquiry(self) -> Inquiry:
        return Inquiry(**self._shared, oracle=self.oracle, name=self.name)

    @cached_property
    def _lesson(self) -> Lesson:
        memory = Memory(**self._shared, replay=self.replay, training=self.training)
        return Lesson(**self._shared, memory=memory, training=self.training, calibration=self.calibration)

    @cached_property
    def _succession(self) -> Succession:
        return Succession(
            **self._shared,
            gate=self.gate,
            registry=self.registry,
            log=self.promotions,
            tell=self.oracle.tell,
            name=self.name,
            config=self.config,
        )
