"""All, or nothing."""

from __future__ import annotations

import numpy as np

from alframe.replay.base import Replay, because
from alframe.types import Predictions


class KeepAll(Replay):
    """Every sample is trained on again: for a pool that is all at hand.

    Args:
        new_weight: share of the draws that go to new samples, in (0, 1]; ``None`` to draw every sample equally often.
        balanced: whether classes are drawn equally often instead.
    """

    def __init__(self, *, new_weight: float | None = None, balanced: bool = False) -> None:
        super().__init__(capacity=None, new_weight=new_weight, balanced=balanced)

    def choose(self, old: Predictions, capacity: int, rng: np.random.Generator) -> dict[int, str]:  # noqa: ARG002 (no choice)
        """All of them."""
        return because(np.arange(len(old)), "all are kept")


class NewOnly(KeepAll):
    """No old sample is trained on again: what a learner forgets is then there to be seen.

    Args:
        balanced: whether classes are drawn equally often.
    """

    def __init__(self, *, balanced: bool = False) -> None:
        super().__init__(balanced=balanced)
        self.capacity = 0
