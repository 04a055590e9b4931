"""Buffers that are samples of everything a run was ever taught, drawn by chance."""

from __future__ import annotations

import numpy as np

from alframe.functional import hashed_sample
from alframe.replay.base import Replay, because, shares
from alframe.types import Predictions


class Reservoir(Replay):
    """A uniform sample of the stream: every sample so far has the same chance to be kept (Vitter 1985).

    An id's hash with the seed decides, so that rounds need not remember what came before.

    Args:
        capacity: the most old samples to keep; ``None`` for no limit.
        new_weight: share of the draws that go to new samples, in (0, 1]; ``None`` to draw every sample equally often.
        balanced: whether classes are drawn equally often instead.
        seed: of the hashes, the same in every round.
    """

    def __init__(
        self,
        *,
        capacity: int | None = None,
        new_weight: float | None = None,
        balanced: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__(capacity=capacity, new_weight=new_weight, balanced=balanced)
        self._seed = seed

    def choose(self, old: Predictions, capacity: int, rng: np.random.Generator) -> dict[int, str]:  # noqa: ARG002 (would favour late samples)
        """Those with the lowest hashes."""
        return because(hashed_sample(old.ids, capacity, self._seed), "drawn at random from all samples so far")


class ClassBalanced(Reservoir):
    """A uniform sample of each class, all of one size as far as there are samples (Chrysakis & Moens, ICML 2020).

    Of images of objects each counts for its rarest class, those without any for a class of their own. Where classes
    come to outnumber the capacity, the lowest have a place.

    Args:
        capacity: the most old samples to keep; ``None`` for no limit.
        new_weight: share of the draws that go to new samples, in (0, 1]; ``None`` to draw every sample equally often.
        balanced: whether classes are drawn equally often instead.
        seed: of the hashes, the same in every round.
    """

    def choose(self, old: Predictions, capacity: int, rng: np.random.Generator) -> dict[int, str]:  # noqa: ARG002 (as above)
        """Of each class those with the lowest hashes."""
        kept: dict[int, str] = {}
        for name, rows, share in shares(old, capacity):
            drawn = rows[hashed_sample(old.ids[rows], share, self._seed)]
            kept |= because(drawn, f"{name}: one of {share} drawn at random")
        return kept
