"""Several objectives at once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from alframe.errors import ConfigurationError
from alframe.functional import rank_product
from alframe.strategy.base import Scorer
from alframe.strategy.composition.base import Composition, scores_of, scoring
from alframe.types import Floats, Predictions


class Product(Composition, Scorer):
    """High in several scores at once, each as strong as it should be (information density, Settles & Craven 2008).

    Scores enter by rank, so that their units do not count.

    Args:
        scorers: by names that ``strengths`` and the command line use.
        strengths: the power of each, not negative; 1 for those that are not named.
    """

    def __init__(self, *, scorers: Mapping[str, Scorer], strengths: Mapping[str, float] | None = None) -> None:
        super().__init__(*scorers.values())
        strengths = strengths or {}
        if not scorers:
            raise ConfigurationError("scorers is empty: add one, as by +strategy@strategy.scorers.NAME=margin")
        if unknown := strengths.keys() - scorers.keys():
            raise ConfigurationError(f"strengths names {', '.join(sorted(unknown))}; there are {', '.join(scorers)}")
        if not all(0 <= strength < np.inf for strength in strengths.values()):
            raise ConfigurationError(f"strengths must be finite and not negative, got {dict(strengths)}")
        self._scorers = [scoring(scorer) for scorer in scorers.values()]
        self._strengths = [strengths.get(name, 1.0) for name in scorers]

    def scores(self, unlabelled: Predictions, labelled: Predictions | None, /) -> Floats:
        """Product of the ranks, each to the power of its strength, (N,), in (0, 1]."""
        scores = [scores_of(scorer, unlabelled, labelled) for scorer in self._scorers]
        return rank_product(np.stack(scores).astype(np.float64), self._strengths)
