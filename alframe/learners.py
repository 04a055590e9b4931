"""The learners of a run: each round trains one, and later rounds look through the champion of their time."""

from __future__ import annotations

from collections.abc import Callable

from alframe.errors import RunConflict
from alframe.learner import Learner, load_weights
from alframe.storage import Journal, file_sha256, load_record
from alframe.types import Beginning

IN_MEMORY = 2
"""A challenger and the champion."""


class Learners:
    """Learners by round; the two asked for last stay in memory, the others lie in the journal as weights.

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
        learner = self._latest.get(round)
        if learner is None:
            learner = self.make()
            load_weights(learner, self._journal.path(round, "train"))
            learner.eval()
        self.remember(round, learner)
        return learner

    def remember(self, round: int, learner: Learner) -> None:
        """Keep the learner of ``round``, so that it need not be loaded; the one not asked for the longest is let go."""
        self._latest.pop(round, None)
        self._latest[round] = learner
        while len(self._latest) > IN_MEMORY:
            del self._latest[next(iter(self._latest))]

    def base(self, round: int) -> int | None:
        """The round that trained the champion as it was when ``round`` began; ``None`` if there was none."""
        return load_record(self._journal.path(round, "begin"), Beginning).base

    def known(self, round: int) -> int:
        """How many samples the champion's round had, as it was when ``round`` began; 0 if there was none."""
        base = self.base(round)
        return 0 if base is None else load_record(self._journal.path(base, "begin"), Beginning).samples

    def before(self, round: int) -> Learner:
        """The champion as it was when ``round`` began.

        Raises:
            RunConflict: there was none.
        """
        base = self.base(round)
        if base is None:
            raise RunConflict(f"round {round} began without a champion")
        return self.of(base)

    def version(self, round: int) -> str:
        """SHA-256 of the weights of the champion as it was when ``round`` began; empty if there was none."""
        base = self.base(round)
        return "" if base is None else file_sha256(self._journal.path(base, "train"))
