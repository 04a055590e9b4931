"""What every gate is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from alframe.types import Decision, Outcomes


@dataclass(frozen=True, eq=False)
class Trial:
    """A challenger and the champion on samples that neither was trained on.

    Attributes:
        challenger: its outcomes on the gate samples.
        champion: the champion's on the same samples, in the same order; ``None`` if there is no champion yet.
    """

    challenger: Outcomes
    champion: Outcomes | None


class Gate(ABC):
    """Decides whether a challenger replaces the champion.

    Attributes:
        compares: whether it looks at outcomes on gate samples.
    """

    compares: bool = True

    @abstractmethod
    def decide(self, trial: Callable[[], Trial], rng: np.random.Generator) -> Decision:
        """Whether the challenger replaces the champion.

        Args:
            trial: computes the outcomes.
            rng: of the resampling.
        """


class Open(Gate):
    """Every challenger replaces the champion, as in a study, where nobody uses the models."""

    compares = False

    def decide(self, trial: Callable[[], Trial], rng: np.random.Generator) -> Decision:  # noqa: ARG002 (nothing is compared)
        """Promote it."""
        return Decision("better", promoted=True, reason="every challenger is promoted")
