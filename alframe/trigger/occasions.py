"""Triggers that wait for samples, for labels, for a time or for a person."""

from __future__ import annotations

import math
from datetime import timedelta

from alframe.errors import ConfigurationError
from alframe.trigger.base import Signals, Trigger
from alframe.types import Cause


class NewLabels(Trigger):
    """Fires when so many labels have come in since the last cycle began: corrections, feedback, other campaigns.

    Args:
        count: how many.
    """

    name = "new_labels"

    def __init__(self, *, count: int = 100) -> None:
        self._count = _checked(count)

    def evaluate(self, signals: Signals) -> Cause:
        """Whether there are enough."""
        return _reached(self.name, "labels", signals.labels, self._count)


class Arrivals(Trigger):
    """Fires when so many samples have arrived since the last cycle began.

    Args:
        count: how many.
    """

    name = "arrivals"

    def __init__(self, *, count: int = 1000) -> None:
        self._count = _checked(count)

    def evaluate(self, signals: Signals) -> Cause:
        """Whether there are enough."""
        return _reached(self.name, "samples", signals.arrivals, self._count)


class Schedule(Trigger):
    """Fires when so much time has passed since the last cycle ended, and at once if there was none.

    Args:
        days: how many.
        hours: how many besides.
    """

    name = "schedule"

    def __init__(self, *, days: float = 7.0, hours: float = 0.0) -> None:
        if not (0 <= days < math.inf and 0 <= hours < math.inf and days + hours > 0):
            raise ConfigurationError(f"days and hours must be finite, and positive together, got {days} and {hours}")
        self._every = timedelta(days=days, hours=hours)

    def evaluate(self, signals: Signals) -> Cause:
        """Whether it is time."""
        if signals.last_cycle is None:
            return Cause(self.name, True, "there was no cycle yet", {"every_hours": hours_of(self._every)})
        passed = signals.now - signals.last_cycle
        why = f"{hours_of(passed):.4g} hours since the last cycle, of {hours_of(self._every):.4g}"
        inputs = {"hours": hours_of(passed), "every_hours": hours_of(self._every)}
        return Cause(self.name, passed >= self._every, why, inputs)


class Manual(Trigger):
    """Fires when somebody asked for a cycle."""

    name = "manual"

    def evaluate(self, signals: Signals) -> Cause:
        """The reasons that were given."""
        why = "asked for: " + "; ".join(signals.requests) if signals.requests else "nobody asked for a cycle"
        return Cause(self.name, bool(signals.requests), why, {"requests": len(signals.requests)})


def hours_of(time: timedelta) -> float:
    """Its length in hours.

    >>> hours_of(timedelta(days=1, minutes=30))
    24.5
    """
    return time / timedelta(hours=1)


def _reached(name: str, what: str, there: int, wanted: int) -> Cause:
    why = f"{there} new {what} since the last cycle began, of {wanted}"
    return Cause(name, there >= wanted, why, {what: there, "count": wanted})


def _checked(count: int) -> int:
    if count < 1:
        raise ConfigurationError(f"count must be at least 1, got {count}")
    return count
