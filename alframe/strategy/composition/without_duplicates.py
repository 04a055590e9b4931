"""No second label for what looks the same."""

from __future__ import annotations

import numpy as np

from alframe.errors import ConfigurationError
from alframe.functional import distinct, resembles
from alframe.strategy.base import Strategy, required
from alframe.strategy.composition.base import Composition, choose_among
from alframe.types import Predictions, Selection


class WithoutDuplicates(Composition):
    """Leaves out near-duplicates of what is labelled or chosen, for as long as there is anything else.

    The inner strategy chooses a whole batch; near-duplicates of its choices are taken out of the pool, one of each kind
    stays, and it chooses again, until all of its batch are distinct. Where the pool has fewer kinds than are wanted,
    near-duplicates fill the batch up.

    Args:
        inner: chooses among what is left.
        similarity: samples whose embeddings have this cosine similarity or more are near-duplicates, in (0, 1].
    """

    needs = frozenset({"embeddings"})
    uses_labelled = True

    def __init__(self, *, inner: Strategy, similarity: float = 0.99) -> None:
        super().__init__(inner)
        if not 0 < similarity <= 1:
            raise ConfigurationError(f"similarity must lie in (0, 1], got {similarity}")
        self._inner, self._similarity = inner, similarity

    def _choose(
        self, unlabelled: Predictions, budget: int, labelled: Predictions | None, rng: np.random.Generator, /
    ) -> Selection:
        embeddings = required(unlabelled, "embeddings")
        known = embeddings[:0] if labelled is None else required(labelled, "embeddings")
        fresh = ~resembles(embeddings, known, self._similarity)
        chosen = Selection(np.empty(0, dtype=np.int64))
        while count := min(budget, int(fresh.sum())):
            chosen = choose_among(self._inner, unlabelled, np.flatnonzero(fresh), count, labelled, rng)
            kept = chosen.positions[distinct(embeddings[chosen.positions], self._similarity)]
            if len(kept) == count:
                break
            fresh &= ~resembles(embeddings, embeddings[kept], self._similarity)
            fresh[chosen.positions] = False
            fresh[kept] = True
        missing = budget - len(chosen.positions)
        if missing == 0:
            return chosen
        rest = choose_among(self._inner, unlabelled, np.flatnonzero(~fresh), missing, labelled, rng)
        return Selection(np.concatenate([chosen.positions, rest.positions]))
