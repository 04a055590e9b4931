"""Triggers that hold another one back."""

from __future__ import annotations

import math
from datetime import timedelta
from itertools import pairwise, starmap, takewhile

from alframe.errors import ConfigurationError
from alframe.trigger.base import Signals, Trigger
from alframe.trigger.occasions import hours_of
from alframe.types import Cause


class _Restraint(Trigger):
    """One trigger, held back."""

    def __init__(self, inner: Trigger) -> None:
        self._inner = inner
        self.reads_drift = inner.reads_drift

    def _found(self, signals: Signals) -> Cause:
        return self._inner.evaluate(signals.of(self._inner.name))


class Cooldown(_Restraint):
    """Silent for a while after each cycle, whatever started that.

    Args:
        inner: the trigger.
        hours: how long after a cycle ended.
    """

    name = "cooldown"

    def __init__(self, *, inner: Trigger, hours: float = 24.0) -> None:
        super().__init__(inner)
        if not 0 < hours < math.inf:
            raise ConfigurationError(f"hours must be positive and finite, got {hours}")
        self._wait = timedelta(hours=hours)

    def evaluate(self, signals: Signals) -> Cause:
        """What the trigger found, if the time is over."""
        found = self._found(signals)
        passed = None if signals.last_cycle is None else signals.now - signals.last_cycle
        inputs = {"hours": None if passed is None else hours_of(passed), "wait_hours": hours_of(self._wait)}
        if passed is None or passed >= self._wait:
            return Cause(self.name, found.fired, found.why, inputs, (found,))
        why = f"a cycle ended {hours_of(passed):.4g} hours ago, and the wait is {hours_of(self._wait):.4g}: {found.why}"
        return Cause(self.name, False, why, inputs, (found,))


class Hysteresis(_Restraint):
    """Fires when a trigger has fired several times in a row; once a cycle came of it, not before that was silent.

    What rests on the same samples or values as the evaluation before, as drift does until the next block of arrivals is
    whole, is the same finding again and counts once.

    Args:
        inner: the trigger.
        times: findings in a row for which it has to fire, this one included.
        rearm: whether, after a cycle that it started or was merged into, it waits for the trigger to be silent.
    """

    name = "hysteresis"

    def __init__(self, *, inner: Trigger, times: int = 2, rearm: bool = True) -> None:
        super().__init__(inner)
        if times < 1:
            raise ConfigurationError(f"times must be at least 1, got {times}")
        self._times, self._rearm = times, rearm

    def evaluate(self, signals: Signals) -> Cause:
        """Whether what the trigger found now and before is enough."""
        found = self._found(signals)
        # Its own past has in each entry what the trigger found then.
        streak = list(takewhile(lambda entry: any(part.fired for part in entry.cause.parts), reversed(signals.past)))
        findings = [found, *(entry.cause.parts[0] for entry in streak)]
        times = 1 + sum(starmap(_differ, pairwise(findings))) if found.fired else 0
        # What another trigger around this one held back has started nothing.
        started = any(entry.cause.fired and entry.round is not None for entry in streak)
        waits = found.fired and self._rearm and started
        why = f"{times} times in a row, of {self._times}: {found.why}"
        if waits:
            why = f"it started a cycle already and has not been silent since: {found.why}"
        return Cause(self.name, times >= self._times and not waits, why, {"times": times, "of": self._times}, (found,))


def _differ(one: Cause, other: Cause) -> bool:
    """Whether they are two findings, and not the same one again."""
    return not _seen(one) or _seen(one) != _seen(other)


def _seen(cause: Cause) -> tuple[int, ...]:
    """How far what it rests on reached, part by part."""
    own = () if cause.seen is None else (cause.seen,)
    return sum((_seen(part) for part in cause.parts if part.fired), own)
