"""How one model follows another: rounds that begin, decisions of gates, drift, and what makes a cycle due."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Verdict = Literal["better", "worse", "inconclusive"]


@dataclass(frozen=True)
class Beginning:
    """What was fixed when a round began.

    Attributes:
        round: the round.
        base: the round whose learner it queries through and trains on from: the champion's, or where none was ever good
            enough to be one, the latest; ``None`` for the first.
        cause: why it began, for people: the run's plan, a request, a trigger.
        samples: how many samples the table had.
        classes: the names of the classes there were.
        key: names the request; the same request does not begin a second round. Empty for rounds of the run's plan.
        changes: what this round does otherwise than the run, as words of the command line.
    """

    round: int
    base: int | None
    cause: str
    samples: int
    classes: tuple[str, ...]
    key: str = ""
    changes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReplayRecord:
    """What a round trains on, by sample id.

    Attributes:
        round: the round.
        base: the round whose learner training may begin from, and whose memory this one continues; ``None`` at first.
        ledger: the last entry of the label ledger that was read.
        new: the samples whose label came since then.
        kept: why each old sample is replayed.
        new_weight: share of the draws that go to new samples; ``None`` if every sample is drawn equally often.
    """

    round: int
    base: int | None
    ledger: int
    new: tuple[str, ...]
    kept: Mapping[str, str]
    new_weight: float | None = None


@dataclass(frozen=True)
class Check:
    """One question of a gate, and its answer.

    Attributes:
        name: what was looked at: a metric, a class or slice with its metric, calibration, latency.
        passed: whether it stands in the way of no promotion.
        champion: the champion's value; ``None`` where there is none.
        challenger: the challenger's value; ``None`` where it could not be measured.
        limit: what the challenger, or its difference from the champion, was held against.
        interval: of the difference, challenger less champion; ``None`` where none was computed.
        note: the answer as a sentence.
    """

    name: str
    passed: bool
    champion: float | None
    challenger: float | None
    limit: float | None
    interval: tuple[float, float] | None
    note: str


@dataclass(frozen=True)
class Decision:
    """Whether a challenger may replace the champion.

    Attributes:
        verdict: the challenger is better, worse, or that cannot be told.
        promoted: whether it replaces the champion; never if the verdict is not ``better``.
        reason: in a sentence.
        checks: all that was looked at.
        samples: how many gate samples both were compared on.
        needed: how many would tell, by estimate, where they were too few; ``None`` otherwise.
    """

    verdict: Verdict
    promoted: bool
    reason: str
    checks: tuple[Check, ...] = ()
    samples: int = 0
    needed: int | None = None


@dataclass(frozen=True)
class Drift:
    """How far a window of samples is from the reference, by one measure.

    Attributes:
        monitor: the measure.
        drifted: whether it calls that drift.
        statistic: the measure's value.
        threshold: what it was held against: the level, where there is a p-value, else the value's own limit.
        p_value: how probable so large a value is without drift; ``None`` where the measure has none.
        samples: how many samples of the reference and of the window were compared.
        details: figures worth keeping, by name.
        end: position after the window's last sample; ``None`` where nobody said.
    """

    monitor: str
    drifted: bool
    statistic: float
    threshold: float
    p_value: float | None
    samples: tuple[int, int]
    details: Mapping[str, float] = field(default_factory=dict)
    end: int | None = None


@dataclass(frozen=True)
class Cause:
    """What one trigger found.

    Attributes:
        trigger: its name.
        fired: whether a cycle is due.
        why: in a sentence, either way.
        inputs: the figures it looked at, by name.
        parts: what the triggers found of which it is made.
        seen: how far what it looked at reached, where it may look at the same again: samples, values of a metric.
    """

    trigger: str
    fired: bool
    why: str
    inputs: Mapping[str, int | float | str | None] = field(default_factory=dict)
    parts: tuple[Cause, ...] = ()
    seen: int | None = None
