"""What every gate is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from alframe.data import Source
from alframe.errors import DataError
from alframe.types import Decision, Outcomes, Task


@dataclass(frozen=True, eq=False)
class Trial:
    """A challenger and the champion on samples that neither was trained on.

    Attributes:
        challenger: its outcomes on the gate samples.
        champion: the champion's on the same samples, in the same order; ``None`` if there is no champion yet.
    """

    challenger: Outcomes
    champion: Outcomes | None

    def __post_init__(self) -> None:
        """Refuse outcomes that are not pairs."""
        if self.champion is not None and not np.array_equal(self.champion.ids, self.challenger.ids):
            raise DataError(
                f"the challenger is known on {len(self.challenger)} gate samples and the champion on "
                f"{len(self.champion)}, and these are not the same: can all of the images be read every time?"
            )


class Gate(ABC):
    """Decides whether a challenger replaces the champion.

    Attributes:
        compares: whether it looks at outcomes on gate samples.
    """

    compares: bool = True

    def check(self, task: Task, source: Source, samples: int) -> None:  # noqa: B027 (some gates take anything)
        """Refuse what the gate can never decide on, before anything is computed; by default nothing.

        Args:
            task: the learner's.
            source: of the samples.
            samples: how many are held out for the gate.

        Raises:
            ConfigurationError: the gate asks for what there will not be.
        """

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
