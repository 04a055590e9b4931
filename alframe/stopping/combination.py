"""Rules made of rules."""

from __future__ import annotations

from collections.abc import Mapping

from alframe.errors import ConfigurationError
from alframe.stopping.base import StoppingRule
from alframe.types import Need, Progress, Task


class _Combination(StoppingRule):
    """Several rules.

    Args:
        rules: by names that the command line uses.
    """

    def __init__(self, *, rules: Mapping[str, StoppingRule]) -> None:
        if not rules:
            raise ConfigurationError("rules is empty: add one, as by +stopping@stopping.rules.NAME=label_budget")
        self._rules = tuple(rules.values())
        self.needs: frozenset[Need] = frozenset().union(*(rule.needs for rule in self._rules))

    def check(self, task: Task) -> None:
        """Refuse what one of the rules refuses."""
        for rule in self._rules:
            rule.check(task)

    def _reasons(self, progress: Progress) -> list[str]:
        return [reason for rule in self._rules if (reason := rule.reason(progress)) is not None]


class AnyOf(_Combination):
    """Stops as soon as one of its rules does."""

    def reason(self, progress: Progress) -> str | None:
        """The reasons that there are."""
        return "; ".join(self._reasons(progress)) or None

    def allows(self, progress: Progress) -> float:
        """As many labels as the strictest rule leaves."""
        return min(rule.allows(progress) for rule in self._rules)


class AllOf(_Combination):
    """Stops when all of its rules would, at the same time."""

    def reason(self, progress: Progress) -> str | None:
        """The reasons, if all rules have one."""
        reasons = self._reasons(progress)
        return "; ".join(reasons) if len(reasons) == len(self._rules) else None

    def allows(self, progress: Progress) -> float:
        """As many labels as the most generous rule leaves."""
        return max(rule.allows(progress) for rule in self._rules)
