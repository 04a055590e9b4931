"""Buffers that stand for all samples in the champion's embedding."""

from __future__ import annotations

import numpy as np

from alframe.functional import herding, k_center_greedy, unit_length
from alframe.replay.base import Replay, array_of, because, shares
from alframe.types import Need, Predictions, Task


class Herding(Replay):
    """Of each class the samples whose mean embedding stays nearest to the class's (iCaRL, Rebuffi et al. 2017).

    Classes have places alike, as far as they have samples; embeddings count by their direction. The mean is that of the
    samples there are, and those kept before compete with the others again, under the champion of now. Of images of
    objects each counts for its rarest class.
    """

    def needs(self, task: Task) -> frozenset[Need]:  # noqa: ARG002 (every learner has them)
        """Embeddings."""
        return frozenset({"embeddings"})

    def choose(self, old: Predictions, capacity: int, rng: np.random.Generator) -> dict[int, str]:  # noqa: ARG002 (nothing is random)
        """Class by class, the most important sample first."""
        directions, kept = unit_length(array_of(old, "embeddings")), {}
        for name, rows, share in shares(old, capacity):
            for place, row in enumerate(rows[herding(directions[rows], share)].tolist()):
                kept[row] = f"{name}: number {place + 1} of {share} that have its mean"
        return kept


class KCenter(Replay):
    """Samples that leave none far from one that is kept (core-set, Sener & Savarese 2018)."""

    def needs(self, task: Task) -> frozenset[Need]:  # noqa: ARG002 (every learner has them)
        """Embeddings."""
        return frozenset({"embeddings"})

    def choose(self, old: Predictions, capacity: int, rng: np.random.Generator) -> dict[int, str]:  # noqa: ARG002 (nothing is random)
        """Always the sample farthest from those chosen."""
        return because(k_center_greedy(array_of(old, "embeddings"), capacity), "farthest from those kept before it")
