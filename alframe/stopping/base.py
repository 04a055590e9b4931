"""What every stopping rule is."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

from alframe.types import Need, Progress, Task


class StoppingRule(ABC):
    """Says when further labels are not worth their price.

    Attributes:
        needs: ``{"probs"}`` if the rule reads ``Progress.views``; the learner then predicts on the pool every round.
    """

    needs: frozenset[Need] = frozenset()

    def check(self, task: Task) -> None:  # noqa: B027 (most rules fit every task)
        """Refuse a task whose evaluations the rule cannot read, before anything is computed; by default none.

        Raises:
            ConfigurationError: the rule waits for what is never measured.
        """

    @abstractmethod
    def reason(self, progress: Progress) -> str | None:
        """Why to stop now, as a clause for people, or ``None`` to go on.

        It is asked twice a round: when a query has been chosen and nobody has been bothered with it yet, and after the
        evaluation of what was trained on its labels.
        """

    def allows(self, progress: Progress) -> float:  # noqa: ARG002 (most rules set no limit)
        """How many more labels may be asked for now."""
        return math.inf


class Never(StoppingRule):
    """Goes on until all rounds are done or the pool is empty."""

    def reason(self, progress: Progress) -> str | None:  # noqa: ARG002 (whatever happens)
        """Nothing is a reason."""
        return None
