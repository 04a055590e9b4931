"""Random pools and choices from them, for tests of strategies that are made of others."""

from __future__ import annotations

from typing import Any

import numpy as np

from alframe.strategy import Strategy
from alframe.types import Predictions


def pool(count: int, seed: int = 0, **known: Any) -> Predictions:
    """A random pool, with everything that the strategies here read."""
    rng = np.random.default_rng(seed)
    arrays: dict[str, Any] = {
        "probs": rng.dirichlet(np.ones(3), size=count),
        "embeddings": rng.normal(size=(count, 4)),
    }
    return Predictions(np.array([f"{seed}/{i}" for i in range(count)]), **(arrays | known))


def chosen(
    strategy: Strategy, unlabelled: Predictions, budget: int, labelled: Predictions | None = None, seed: int = 0
) -> list[int]:
    """Positions, in order."""
    selection = strategy.select(unlabelled, budget, labelled=labelled, rng=np.random.default_rng(seed))
    return [int(position) for position in selection.positions]
