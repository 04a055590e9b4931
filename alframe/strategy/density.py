"""A strategy that asks for what is typical of the pool."""

from __future__ import annotations

from alframe.functional import density
from alframe.strategy.base import ScoreStrategy, required
from alframe.types import Floats, Predictions


class Density(ScoreStrategy):
    """The samples most like all the others; a part of information density (Settles & Craven 2008)."""

    needs = frozenset({"embeddings"})

    def score(self, predictions: Predictions) -> Floats:
        """Mean cosine similarity to the pool, (N,)."""
        return density(required(predictions, "embeddings"))
