"""How one champion follows another: a round begins from it, a gate compares, the registry keeps, the log promotes."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from alframe import __version__
from alframe.evaluation import outcomes
from alframe.functional.randomness import derive_seed, generator
from alframe.gate import Gate, Trial
from alframe.pool import State
from alframe.progress import say
from alframe.registry import STEPS, ModelVersion, PromotionLog, Registry
from alframe.steps import Steps
from alframe.storage import Journal, artefact, file_sha256, hold_promotions, load_record, save_record
from alframe.types import Beginning, CurvePoint, Decision, Event, Outcomes, Positions, ReplayRecord


@dataclass(frozen=True, kw_only=True)
class Succession(Steps):
    """The steps ``begin``, ``gate``, ``register`` and ``promote`` of a round.

    Attributes:
        gate: decides.
        registry: keeps versions.
        log: says who is champion.
        tell: is told of a new champion, and of the end of a round.
        name: of the run.
        config: of the run, as plain values.
    """

    gate: Gate
    registry: Registry
    log: PromotionLog
    tell: Callable[[Event, Mapping[str, Any]], None]
    name: str
    config: Mapping[str, Any]

    def begin(self, round: int, cause: str, key: str = "", changes: tuple[str, ...] = ()) -> Beginning:
        """Fix what the round begins from."""
        if not self.journal.done(round, "begin"):
            base = self.log.champion
            if base is None and round > 0:
                base = round - 1  # none was good enough yet: go on from the latest
            with self.journal.step(round, "begin", artefact(round, "beginning.json")) as path:
                classes, samples = tuple(self.data.source.classes), len(self.pool.table)
                save_record(path, Beginning(round, base, cause, samples, classes, key, changes))
        return load_record(self.journal.path(round, "begin"), Beginning)

    def decide(self, round: int) -> Decision:
        """Hold the learner of ``round`` against the champion."""
        if not self.journal.done(round, "gate"):
            with self.journal.step(round, "gate", artefact(round, "decision.json")) as path:
                save_record(path, self.gate.decide(lambda: self._trial(round), generator(self.seed, round, "gate")))
        return load_record(self.journal.path(round, "gate"), Decision)

    def register(self, round: int) -> None:
        """Keep the learner of ``round``, whatever was decided."""
        if not self.journal.done(round, "register"):
            with self.journal.step(round, "register"):
                self.registry.register(self._version(round))

    def promote(self, round: int) -> None:
        """Make the learner of ``round`` champion, if that was decided."""
        if not self.journal.done(round, "promote"):
            decision = self.decide(round)
            with hold_promotions(self.journal.folder):
                self._promote(round, decision)

    def _promote(self, round: int, decision: Decision) -> None:
        stands = self.log.champion in (self._champion(round), round)  # nobody rolled it back meanwhile
        promoted = decision.promoted and stands
        with self.journal.step(round, "promote"):
            if promoted:
                self.log.promote(round, key=f"round/{round}", reason=decision.reason)
            self.registry.follow(self.log)
            told = {"run": self.name, "round": round, "promoted": promoted, "reason": decision.reason}
            if promoted:
                self.tell("model.promoted", told)
            self.tell("cycle.finished", told)
        reason = decision.reason if stands else "the champion that it was compared with was changed meanwhile"
        if self.gate.compares:
            say(f"round {round:>3}   {'promoted' if promoted else 'not promoted'}: {reason}")

    def _trial(self, round: int) -> Trial:
        held_out, champion = self.pool.in_state(State.GATE), self._champion(round)
        theirs = None if champion is None else self._outcomes(champion, held_out)
        if theirs is not None:
            held_out = self.pool.positions(theirs.ids)  # what could be read
        return Trial(self._outcomes(round, held_out), theirs)

    def _outcomes(self, round: int, held_out: Positions) -> Outcomes:
        seed = derive_seed(self.seed, "gate")
        return outcomes(self.learners.of(round), self.data, held_out, self.make_trainer, seed=seed)

    def _champion(self, round: int) -> int | None:
        """The champion as it was when ``round`` began; a base that nobody ever promoted is none."""
        base = self.learners.base(round)
        return base if base in [entry.round for entry in self.log.entries()] else None

    def _version(self, round: int) -> ModelVersion:
        files = {step: self.journal.path(round, step) for step in STEPS}
        beginning = load_record(files["begin"], Beginning)
        record = load_record(files["replay"], ReplayRecord)
        decision = load_record(files["gate"], Decision)
        point = load_record(files["evaluate"], CurvePoint)
        return ModelVersion(
            name=self.name,
            round=round,
            files={path.name: path for path in files.values()},
            sha256={path.name: file_sha256(path) for path in files.values()},
            tags={
                "samples": str(beginning.samples),
                "labels": str(point.labels),
                "ledger": str(record.ledger),
                "base": str(beginning.base),
                "cause": beginning.cause,
                "changes": shlex.join(beginning.changes),
                "verdict": decision.verdict,
                "promoted": str(decision.promoted).lower(),
                "code": __version__,
            },
            metrics=point.evaluation.metrics,
            config=self.config,
        )


def ended(journal: Journal) -> range:
    """The rounds that have ended."""
    return range(sum(entry.step == "promote" for entry in journal.entries()))


def interrupted(journal: Journal) -> Beginning | None:
    """What was fixed for the round that has begun and has not ended; ``None`` if there is none."""
    round = len(ended(journal))
    return load_record(journal.path(round, "begin"), Beginning) if journal.done(round, "begin") else None
