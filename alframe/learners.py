"""The learners of a run: each round trains one, and the next rounds look through it."""

from __future__ import annotations

from collections.abc import Callable

from alframe.learner import Learner, load_weights
from alframe.storage import Journal, file_sha256


class Learners:
    """Learners by round; the latest stays in memory, the others lie in the journal as weights.

    Args:
        make: builds an untrained learner.
        journal: knows the weights that each step ``train`` wrote.
    """

    def __init__(self, make: Callable[[], Learner], journal: Journal) -> None:
        self.make = make
        self._journal = journal
        self._latest: dict[int, Learner] = {}

    def of(self, round: int) -> Learner:
        """The learner that ``round`` trained."""
        if round not in self._latest:
            learner = self.make()
            load_weights(learner, self._journal.path(round, "train"))
            self.remember(round, learner.eval())
        return self._latest[round]

    def remember(self, round: int, learner: Learner) -> None:
        """Keep what ``round`` has just trained, so that it need not be loaded; earlier ones are let go."""
        self._latest = {round: learner}

    def version(self, round: int) -> str:
        """SHA-256 of the weights of ``round``; empty before the first."""
        return file_sha256(self._journal.path(round, "train")) if round >= 0 else ""
