"""What decides which part of a pool is looked at."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pytorch_lightning import Trainer

from alframe.data import ImageData
from alframe.functional.randomness import generator
from alframe.types import Labels, Positions


@dataclass(frozen=True)
class Situation:
    """What a round knows before it looks at the pool.

    Attributes:
        round: which it is.
        known: how many samples the table had when the round began that trained the champion.
        data: reads the images.
        unlabelled: (N,) positions of the pool into the source's table, ascending.
        labelled: (M,) positions of the labelled samples.
        labels: (M,) what people said of each.
        budget: K, how many are to be chosen.
        make_trainer: builds a Lightning Trainer.
        folder: where what costs much may be kept from round to round.
        seed: of this decision.
    """

    round: int
    known: int
    data: ImageData
    unlabelled: Positions
    labelled: Positions
    labels: Labels
    budget: int
    make_trainer: Callable[..., Trainer]
    folder: Path
    seed: int


class Candidates(ABC):
    """Restricts a round to a part of a pool that is too large to score whole.

    Attributes:
        everything: whether nothing is ever left out, so that there is nothing to decide or to write down.
        from_the_start: whether the first set is restricted too.
        strict: whether a round that finds fewer than it may ask for asks for fewer.
    """

    everything: bool = False
    from_the_start: bool = False
    strict: bool = False

    def choose(self, situation: Situation) -> Positions:
        """Positions of the candidates, ascending: some of the unlabelled, as many as the budget at least.

        Where fewer were found, the rest is drawn at random, unless they are ``strict``.
        """
        found = np.intersect1d(self._find(situation), situation.unlabelled)
        missing = min(situation.budget, len(situation.unlabelled)) - len(found)
        if missing > 0 and not self.strict:
            others = np.setdiff1d(situation.unlabelled, found)
            drawn = generator(situation.seed, "others").choice(others, size=missing, replace=False)
            found = np.union1d(found, drawn)
        return found

    def check(self, data: ImageData) -> None:  # noqa: B027 (most need none)
        """Refuse what no round could do with such images and labels, before anything is computed; by default nothing.

        Raises:
            ConfigurationError: a part cannot be built, or the parts do not fit together.
        """

    @abstractmethod
    def _find(self, situation: Situation) -> Positions:
        """Positions worth a look, in any order; those that are not unlabelled are passed over."""
