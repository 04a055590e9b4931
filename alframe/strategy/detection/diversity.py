"""Strategies that ask for images whose regions differ."""

from __future__ import annotations

import numpy as np

from alframe.errors import ConfigurationError
from alframe.functional import ccms, class_difficulty, ppal
from alframe.functional.detection.padding import check_detections
from alframe.strategy.base import Strategy, required, required_objects
from alframe.types import Predictions, Selection


class Ccms(Strategy):
    """Images whose regions are least like those of the same class in any labelled or chosen one (Yang et al. 2024)."""

    needs = frozenset({"box_probs", "box_embeddings"})
    uses_labelled = True

    def _choose(
        self, unlabelled: Predictions, budget: int, labelled: Predictions | None, _rng: np.random.Generator, /
    ) -> Selection:
        pool = required(unlabelled, "box_embeddings"), required(unlabelled, "box_probs")
        if labelled is None:
            return Selection(ccms(*pool, budget))
        return Selection(ccms(*pool, budget, required(labelled, "box_embeddings"), required(labelled, "box_probs")))


class Ppal(Strategy):
    """Different ones among the images that are uncertain where classes are hard (Yang et al. 2024).

    Before anything is labelled, all classes are as hard.

    Args:
        expansion: how much longer the shortlist is than the batch, at least 1.
        xi: how much an object's class counts beside its place in how hard it is, in [0, 1].
        alpha: how fast a class's weight rises with its difficulty; smaller is faster at first.
        beta: by how much the hardest class can outweigh the easiest.
    """

    needs = frozenset({"boxes", "box_probs", "box_embeddings"})
    uses_labelled = True

    def __init__(self, *, expansion: float = 4.0, xi: float = 0.6, alpha: float = 0.3, beta: float = 0.2) -> None:
        for name, value, right in (
            ("expansion", expansion, 1 <= expansion < np.inf),
            ("xi", xi, 0 <= xi <= 1),
            ("alpha", alpha, 0 < alpha < np.inf),
            ("beta", beta, 0 <= beta < np.inf),
        ):
            if not right:
                raise ConfigurationError(f"{name}={value} is out of range: see configs/strategy/ppal.yaml")
        self._expansion, self._xi, self._alpha, self._beta = expansion, xi, alpha, beta

    def _choose(
        self, unlabelled: Predictions, budget: int, labelled: Predictions | None, rng: np.random.Generator, /
    ) -> Selection:
        # Boxes are read of the labelled; those of the pool come from the same pass.
        check_detections(**{need: required(unlabelled, need) for need in self.needs})
        box_probs = required(unlabelled, "box_probs")
        if labelled is None:
            difficulty = np.ones(box_probs.shape[-1] - 1)
        else:
            known = required(labelled, "boxes"), required(labelled, "box_probs")
            difficulty = class_difficulty(*known, required_objects(labelled), self._xi)
        positions = ppal(
            box_probs,
            required(unlabelled, "box_embeddings"),
            budget,
            difficulty,
            expansion=self._expansion,
            alpha=self._alpha,
            beta=self._beta,
            rng=rng,
        )
        return Selection(positions)
