"""What every replay buffer is."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from alframe.errors import ConfigurationError
from alframe.types import Floats, Need, Positions, Predictions, TrainingSet


class Replay(ABC):
    """Chooses, when new labels have come, which of the samples trained on before are trained on again.

    A buffer sees what the round before remembered and what that round learnt, as a stream: what it lets go is gone.

    Args:
        capacity: the most old samples to keep; ``None`` for no limit.
        new_weight: share of the draws that go to new samples, in (0, 1]; ``None`` to draw every sample equally often.

    Attributes:
        needs: what it reads of the learner that training begins from, on the old samples.
    """

    needs: frozenset[Need] = frozenset()

    def __init__(self, *, capacity: int | None = None, new_weight: float | None = None) -> None:
        if capacity is not None and capacity < 0:
            raise ConfigurationError(f"replay.capacity must be at least 0, or null for no limit, got {capacity}")
        if new_weight is not None and not 0 < new_weight <= 1:
            raise ConfigurationError(f"replay.new_weight must lie in (0, 1], or be null, got {new_weight}")
        self.capacity = capacity
        self.new_weight = new_weight

    def keep(self, old: Predictions, rng: np.random.Generator) -> dict[str, str]:
        """The samples to train on again, each with the reason, at most ``capacity``.

        Args:
            old: (M,) samples with what ``needs`` names and their ``labels`` or ``objects``.
            rng: of this decision.
        """
        if self.capacity is None or len(old) <= self.capacity:
            return dict.fromkeys(old.ids.tolist(), "there is room for all")
        if self.capacity == 0:
            return {}
        kept = self.choose(old, self.capacity, rng)
        return {str(old.ids[row]): reason for row, reason in kept.items()}

    def weights(self, samples: TrainingSet) -> Floats | None:
        """How often each sample is drawn, (n,), in proportion; ``None`` if all are drawn equally often."""
        new = samples.new
        if self.new_weight is None or new is None or new.all() or not new.any():
            return None
        weights: Floats = np.where(new, self.new_weight / new.sum(), (1 - self.new_weight) / (~new).sum())
        return weights

    @abstractmethod
    def choose(self, old: Predictions, capacity: int, rng: np.random.Generator) -> dict[int, str]:
        """``capacity`` rows of ``old``, which has more, each with the reason; ``capacity`` is at least 1."""


def because(rows: Positions, reason: str) -> dict[int, str]:
    """The same reason for each of these rows."""
    return dict.fromkeys(rows.tolist(), reason)
