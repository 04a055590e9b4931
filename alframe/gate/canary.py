"""A challenger beside the champion on recorded production samples, of which it serves more and more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from alframe.errors import ConfigurationError, RunConflict
from alframe.functional import generator, hashed_shares
from alframe.gate.comparison import FEWEST, Rule
from alframe.gate.recorded import Recorded
from alframe.types import Check, Floats, Ids

Outcome = Literal["passed", "regression", "waiting"]
Status = Literal["paused", "passed", "regression", "promoted", "rolled back"]


@dataclass(frozen=True)
class Rollout:
    """How a challenger is let in.

    First it serves nobody and is compared on everything (shadow); then it serves a growing share of the samples, which
    their ids decide, and is compared on those. A stage begins where the one before ended, and ends with as many
    samples as it takes whose scores are known. It waits where too few are, or too large a share is not: what nobody
    could score may be what the challenger cannot do.

    A stage finds a regression if the interval of the difference, challenger less champion, lies below ``-margin``. Of
    intervals at every stage each has its chance to err, so that ``confidence`` is divided among them (Bonferroni): a
    challenger that is no worse is rolled back at any stage in at most (1 - confidence) / 2 of all cases.

    Attributes:
        shares: the percentage that the challenger serves at each stage, ascending to 100.
        samples: how many scored samples a stage takes.
        margin: how much worse a challenger may be.
        missing: the largest share of a stage's samples that may have no score, in [0, 1).
        confidence: of all stages together, in (0, 1).
        resamples: how often the samples are drawn.
        seed: of the drawing.
    """

    shares: tuple[float, ...] = (5.0, 25.0, 100.0)
    samples: int = 200
    margin: float = 0.0
    missing: float = 0.5
    confidence: float = 0.95
    resamples: int = 9999
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what no rollout can be."""
        ascending = all(low < high for low, high in zip((0.0, *self.shares), self.shares, strict=False))
        if not self.shares or not ascending or self.shares[-1] != 100:
            raise ConfigurationError(f"stages are percentages that ascend to 100, as 5,25,100; got {self.shares}")
        if self.samples < FEWEST:
            raise ConfigurationError(f"a stage takes at least {FEWEST} samples, got {self.samples}")
        if not 0 <= self.missing < 1:
            raise ConfigurationError(f"missing is a share from 0 to less than 1, got {self.missing}")
        self.rule  # noqa: B018 (it refuses margins and confidences that are none)

    @property
    def stages(self) -> tuple[float, ...]:
        """What the challenger serves at each stage, in percent; nothing at the first, the shadow."""
        return (0.0, *self.shares)

    @property
    def rule(self) -> Rule:
        """What each stage is judged by."""
        return Rule(self.margin, 1 - (1 - self.confidence) / len(self.stages), self.resamples)


@dataclass(frozen=True)
class Stage:
    """One stage of a rollout.

    Attributes:
        share: the percentage of samples that the challenger serves; 0 for the shadow.
        first: the first of the recorded samples that it looks at.
        end: the first that it does not.
        served: on how many of these the two are compared.
        measured: how many of them have scores.
        outcome: passed, a regression was found, or it waits for samples or scores.
        check: the figures; ``None`` while it waits.
        note: in a sentence.
    """

    share: float
    first: int
    end: int
    served: int
    measured: int
    outcome: Outcome
    check: Check | None
    note: str


@dataclass(frozen=True)
class CanaryRecord:
    """How far a rollout has come.

    Attributes:
        challenger: the round whose learner is the challenger.
        rollout: its stages, and what they are judged by.
        champion: the round whose learner is champion, as far as the record knows; ``None`` if none is.
        status: it goes on when there is more to see, all stages passed, or one found a regression; once that had its
            consequence, the challenger is promoted or rolled back.
        stages: those that were looked at; all but the last have passed.
        ids_sha256: of the ids that the stages which have ended looked at.
        note: what came of it, in a sentence; empty until something has.
    """

    challenger: int
    rollout: Rollout
    champion: int | None = None
    status: Status = "paused"
    stages: tuple[Stage, ...] = ()
    ids_sha256: str = ""
    note: str = ""


def begin_rollout(
    recorded: Recorded, challenger: int, rollout: Rollout, *, champion: int | None = None
) -> CanaryRecord:
    """A rollout that has looked at nothing yet.

    Raises:
        ConfigurationError: there is no metric to watch.
    """
    if not recorded.measured.any():
        raise ConfigurationError(
            f"no metric is attached: none of the {len(recorded)} recorded samples has a truth or the scores of both, "
            "and a rollout that nothing is known of cannot be stopped; add a column truth, or champion_score and "
            "challenger_score"
        )
    return CanaryRecord(challenger, rollout, champion)


def continue_rollout(record: CanaryRecord, recorded: Recorded, save: Callable[[CanaryRecord], None]) -> CanaryRecord:
    """Do the stages that are left, as far as the recorded samples reach, and return how far it has come.

    Args:
        record: how far it had come.
        recorded: the samples that it has looked at and, by now, more.
        save: keeps the record after every stage; what it has kept stands.

    Raises:
        RunConflict: the recorded samples do not begin with those that the record tells of.
    """
    ended = tuple(stage for stage in record.stages if stage.outcome != "waiting")
    if ended and _digest(recorded.ids[: ended[-1].end]) != record.ids_sha256:
        raise RunConflict(
            f"the rollout has looked at {ended[-1].end} samples and these are not the first of the predictions: give "
            "the same file, to which more samples may have been added at its end"
        )
    while record.status == "paused":
        stage = _stage(record.rollout, ended, recorded)
        record = _with(record, (*ended, stage), recorded.ids)
        save(record)
        if stage.outcome == "waiting":
            break
        ended = record.stages
    return record


def _with(record: CanaryRecord, stages: tuple[Stage, ...], ids: Ids) -> CanaryRecord:
    last = stages[-1]
    status: Status = "regression" if last.outcome == "regression" else "paused"
    if last.outcome == "passed" and len(stages) == len(record.rollout.stages):
        status = "passed"
    end = last.first if last.outcome == "waiting" else last.end
    return replace(record, status=status, stages=stages, ids_sha256=_digest(ids[:end]))


def _stage(rollout: Rollout, before: Sequence[Stage], recorded: Recorded) -> Stage:
    """The next stage, on what was recorded after the one before."""
    share, first = rollout.stages[len(before)], before[-1].end if before else 0
    served = _served(recorded.ids, share)
    served[:first] = False
    scored = np.flatnonzero(served & recorded.measured)[: rollout.samples]
    end = int(scored[-1]) + 1 if len(scored) == rollout.samples else len(recorded)
    seen = int(served[:end].sum())
    if lacks := _lacks(rollout, seen, len(scored)):
        return Stage(share, first, end, seen, len(scored), "waiting", None, lacks)
    found = rollout.rule.judge(
        "score",
        partial(_mean, recorded.challenger[scored]),
        partial(_mean, recorded.champion[scored]),
        len(scored),
        generator(rollout.seed, "canary", len(before)),
    )
    outcome: Outcome = "regression" if found.verdict == "worse" else "passed"
    return Stage(share, first, end, seen, len(scored), outcome, found.check, found.check.note)


def _lacks(rollout: Rollout, seen: int, scored: int) -> str:
    """What a stage waits for, in a sentence; empty if for nothing."""
    if scored < rollout.samples:
        what = "scores are missing" if seen >= rollout.samples else "there are too few samples yet"
        return f"{what}: {seen:,} served, {scored:,} of them with a score, and {rollout.samples:,} are needed"
    if seen - scored > rollout.missing * seen:
        return (
            f"scores are missing: {seen - scored:,} of the {seen:,} served have no score, and "
            f"{100 * rollout.missing:g} % may have none"
        )
    return ""


def _served(ids: Ids, share: float) -> NDArray[np.bool_]:
    """Which samples a stage looks at: all in the shadow; else those that the challenger serves, and later ones keep."""
    return hashed_shares(ids) < (share / 100 if share else 1.0)


def _mean(scores: Floats, counts: Floats) -> Floats:
    return np.asarray(counts @ scores / counts.sum(axis=1))


def _digest(ids: Ids) -> str:
    return sha256("\n".join(ids.tolist()).encode()).hexdigest()
