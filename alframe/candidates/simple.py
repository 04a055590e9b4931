"""All of the pool, or a random part of it."""

from __future__ import annotations

from alframe.candidates.base import Candidates, Situation
from alframe.errors import ConfigurationError
from alframe.functional.randomness import generator
from alframe.types import Positions


class WholePool(Candidates):
    """Every unlabelled sample."""

    everything = True

    def _find(self, situation: Situation) -> Positions:
        return situation.unlabelled


class RandomSubset(Candidates):
    """A random part, another one each round: the learner scores no other image (Beluch et al. 2018).

    Args:
        size: of the part.
    """

    def __init__(self, size: int = 10_000) -> None:
        if size < 1:
            raise ConfigurationError(f"candidates.size must be at least 1, got {size}")
        self._size = size

    def _find(self, situation: Situation) -> Positions:
        size = min(self._size, len(situation.unlabelled))
        return generator(situation.seed, "subset").choice(situation.unlabelled, size=size, replace=False)
