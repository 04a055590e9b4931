"""Strategies over the gradients of the last layer, as if the likely labels were known."""

from __future__ import annotations

import numpy as np

from alframe.errors import ConfigurationError
from alframe.functional import badge, bait
from alframe.strategy.base import Strategy, required
from alframe.types import Predictions, Selection


class Badge(Strategy):
    """Large and diverse gradients of the last layer (Ash et al. 2020)."""

    needs = frozenset({"probs", "embeddings"})

    def _choose(
        self, unlabelled: Predictions, budget: int, _labelled: Predictions | None, rng: np.random.Generator, /
    ) -> Selection:
        probs, embeddings = required(unlabelled, "probs"), required(unlabelled, "embeddings")
        return Selection(badge(probs, embeddings, budget, rng=rng))


class Bait(Strategy):
    """What leaves the Fisher information of the pool about the last layer best known (Ash et al. 2021).

    Args:
        regularization: how much is known of every weight beforehand.
        class_directions: how many leading directions among the classes are looked at.
        embedding_directions: how many among the embeddings.
    """

    needs = frozenset({"probs", "embeddings"})
    uses_labelled = True

    def __init__(
        self, *, regularization: float = 1.0, class_directions: int = 4, embedding_directions: int = 128
    ) -> None:
        if not 0 < regularization < np.inf:
            raise ConfigurationError(f"regularization must be positive, got {regularization}")
        for key, value in (("class", class_directions), ("embedding", embedding_directions)):
            if value < 1:
                raise ConfigurationError(f"{key}_directions must be at least 1, got {value}")
        self._regularization = regularization
        self._class_directions, self._embedding_directions = class_directions, embedding_directions

    def _choose(
        self, unlabelled: Predictions, budget: int, labelled: Predictions | None, _rng: np.random.Generator, /
    ) -> Selection:
        probs, embeddings = required(unlabelled, "probs"), required(unlabelled, "embeddings")
        known = (None, None) if labelled is None else (required(labelled, "probs"), required(labelled, "embeddings"))
        positions = bait(
            probs,
            embeddings,
            budget,
            *known,
            regularization=self._regularization,
            class_directions=self._class_directions,
            embedding_directions=self._embedding_directions,
        )
        return Selection(positions)
