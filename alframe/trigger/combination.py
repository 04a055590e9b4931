"""Triggers made of several."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from alframe.errors import ConfigurationError
from alframe.trigger.base import Signals, Trigger
from alframe.types import Cause


class _Combination(Trigger):
    """Several triggers.

    Args:
        triggers: by names that the command line uses.
    """

    def __init__(self, *, triggers: Mapping[str, Trigger]) -> None:
        if not triggers:
            raise ConfigurationError("triggers is empty: add one, as by +trigger@trigger.triggers.NAME=new_labels")
        self._triggers = triggers
        self.reads_drift = any(trigger.reads_drift for trigger in triggers.values())

    def _parts(self, signals: Signals) -> tuple[Cause, ...]:
        """What each finds, under its name."""
        return tuple(
            replace(trigger.evaluate(signals.of(name)), trigger=name) for name, trigger in self._triggers.items()
        )


class AnyOf(_Combination):
    """Fires as soon as one of its triggers does."""

    name = "any_of"

    def evaluate(self, signals: Signals) -> Cause:
        """The reasons that there are."""
        parts = self._parts(signals)
        fired = [part for part in parts if part.fired]
        return Cause(self.name, bool(fired), _reasons(fired or parts), parts=parts)

    def causes(self, signals: Signals) -> tuple[Cause, ...]:
        """What each finds: any of them can start a cycle."""
        return self._parts(signals)


class AllOf(_Combination):
    """Fires when all of its triggers do, at the same time."""

    name = "all_of"

    def evaluate(self, signals: Signals) -> Cause:
        """The reasons, or what is missing."""
        parts = self._parts(signals)
        silent = [part for part in parts if not part.fired]
        return Cause(self.name, not silent, _reasons(silent or parts), parts=parts)


def _reasons(causes: list[Cause] | tuple[Cause, ...]) -> str:
    return "; ".join(f"{cause.trigger}: {cause.why}" for cause in causes)
