"""What every trigger is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from alframe.trigger.log import Evaluated
from alframe.types import Cause, CurvePoint, Drift


@dataclass(frozen=True, eq=False)
class Signals:
    """What is known when triggers are evaluated.

    Attributes:
        now: this moment, in UTC.
        last_cycle: when the last cycle ended, in UTC; ``None`` before the first.
        curve: the evaluations of all rounds, oldest first.
        champion: the evaluation of the champion; ``None`` before there is one.
        arrivals: how many samples arrived since the last cycle began.
        labels: how many labels came in since then, from people at work.
        metrics: values measured in production since the champion is at work, by name, oldest first.
        drift: what each monitor says of the samples that arrived since then; empty if there were too few.
        requests: reasons that people gave for a cycle.
        past: the evaluations of triggers so far, oldest first.
    """

    now: datetime
    last_cycle: datetime | None
    curve: tuple[CurvePoint, ...] = ()
    champion: CurvePoint | None = None
    arrivals: int = 0
    labels: int = 0
    metrics: Mapping[str, Sequence[float]] = field(default_factory=dict)
    drift: tuple[Drift, ...] = ()
    requests: tuple[str, ...] = ()
    past: tuple[Evaluated, ...] = ()

    def of(self, name: str) -> Signals:
        """The same with the past of one trigger alone, by its name: its own entries, and those as part of another."""
        past = []
        for entry in self.past:
            causes = {cause.trigger: cause for cause in (entry.cause, *entry.cause.parts)}  # a part before the whole
            if name in causes:
                past.append(replace(entry, cause=causes[name]))
        return replace(self, past=tuple(past))


class Trigger(ABC):
    """Says whether a cycle is due: a pure function of the signals.

    Attributes:
        name: what it calls itself in the log; one of several goes by the name it has among them.
        reads_drift: whether it reads ``Signals.drift``, which costs a pass over what arrived.
    """

    name: str
    reads_drift: bool = False

    @abstractmethod
    def evaluate(self, signals: Signals) -> Cause:
        """What it finds, with the figures that it looked at, whether it fires or not.

        Args:
            signals: with its own past, as ``Signals.of`` gives it.
        """

    def causes(self, signals: Signals) -> tuple[Cause, ...]:
        """What it finds, given the past of all: one cause for each trigger that can start a cycle by itself."""
        return (self.evaluate(signals.of(self.name)),)
