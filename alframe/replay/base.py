"""What every replay buffer is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.errors import ConfigurationError, InvalidInput
from alframe.functional import balanced_classes, rarest_class
from alframe.types import UNLABELLED, Floats, Labels, Need, Positions, Predictions, Task, TrainingSet


class Replay(ABC):
    """Chooses, when new labels have come, which of the samples trained on before are trained on again.

    A buffer sees what the round before remembered and what that round learnt, as a stream: what it lets go is gone.
    Where it looks at classes, an image of objects counts for the class of its objects that fewest of the images have.

    Args:
        capacity: the most old samples to keep; ``None`` for no limit.
        new_weight: share of the draws that go to new samples, in (0, 1]; ``None`` to draw every sample equally often.
        balanced: whether classes are drawn equally often instead; with ``new_weight``, those of the new samples and
            those of the old.

    Raises:
        ConfigurationError: a negative capacity, a weight outside (0, 1].
    """

    def __init__(self, *, capacity: int | None = None, new_weight: float | None = None, balanced: bool = False) -> None:
        if capacity is not None and capacity < 0:
            raise ConfigurationError(f"replay.capacity must be at least 0, or null for no limit, got {capacity}")
        if new_weight is not None and not 0 < new_weight <= 1:
            raise ConfigurationError(f"replay.new_weight must lie in (0, 1], or be null, got {new_weight}")
        self.capacity = capacity
        self.new_weight = new_weight
        self.balanced = balanced

    def needs(self, task: Task) -> frozenset[Need]:  # noqa: ARG002 (most read the same of every learner)
        """What it reads of the learner that training begins from, one of this task, on the old samples."""
        return frozenset()

    def keep(self, old: Predictions, rng: np.random.Generator) -> dict[str, str]:
        """The samples to train on again, each with the reason, at most ``capacity``.

        Args:
            old: (M,) samples with what ``needs`` names and their ``labels`` or ``objects``.
            rng: of this decision.

        Raises:
            InvalidInput: an array that it reads is missing, has another shape or holds NaN.
        """
        if self.capacity is None or len(old) <= self.capacity:
            return dict.fromkeys(old.ids.tolist(), "there is room for all")
        if self.capacity == 0:
            return {}
        kept = self.choose(old, self.capacity, rng)
        return {str(old.ids[row]): reason for row, reason in kept.items()}

    def weights(self, samples: TrainingSet) -> Floats | None:
        """How often each sample is drawn, (n,), sums to one; ``None`` if all are drawn equally often."""
        new = samples.new
        divided = self.new_weight is not None and new is not None and new.any() and not new.all()
        if not divided and not self.balanced:
            return None
        groups = _classes(samples.labels) if self.balanced else np.zeros(len(samples), dtype=np.int64)
        if self.new_weight is None or new is None or not divided:
            return _equally(groups)
        weights = np.empty(len(samples))
        weights[new] = self.new_weight * _equally(groups[new])
        weights[~new] = (1 - self.new_weight) * _equally(groups[~new])
        return weights

    @abstractmethod
    def choose(self, old: Predictions, capacity: int, rng: np.random.Generator) -> dict[int, str]:
        """``capacity`` rows of ``old``, which has more, each with the reason; ``capacity`` is at least 1."""


def because(rows: Positions, reason: str) -> dict[int, str]:
    """The same reason for each of these rows."""
    return dict.fromkeys(rows.tolist(), reason)


def array_of(old: Predictions, name: str) -> NDArray[Any]:
    """The array of this name, with one row for each sample.

    Raises:
        InvalidInput: it was not predicted, or has another number of rows.
    """
    array: NDArray[Any] | None = getattr(old, name)
    if array is None:
        raise InvalidInput(f"the buffer reads {name}, which was not predicted of the old samples")
    if len(array) != len(old):
        raise InvalidInput(f"{name} has {len(array)} rows for {len(old)} sample ids; give one row per id")
    return array


def shares(old: Predictions, capacity: int) -> Iterator[tuple[str, Positions, int]]:
    """Each class, its rows, and how many of them may stay, at least 1: as many of each class, as far as there are."""
    classes = _classes(array_of(old, "labels" if old.objects is None else "objects"))
    names, group, counts = np.unique(classes, return_inverse=True, return_counts=True)
    turns = balanced_classes(np.zeros_like(counts), counts, capacity)
    for number, share in enumerate(np.bincount(turns, minlength=len(names)).tolist()):
        name = "no object" if names[number] == UNLABELLED else f"class {names[number]}"
        if share:
            yield name, np.flatnonzero(group == number), share


def _classes(labels: Labels) -> NDArray[np.int64]:
    """What each sample counts for, (n,); ``UNLABELLED`` for an image without objects."""
    return rarest_class(labels.tolist()) if labels.dtype == np.object_ else labels


def _equally(groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """Weights, (n,), of which each group has the same share, and in it each sample."""
    _, group, counts = np.unique(groups, return_inverse=True, return_counts=True)
    return np.asarray(1 / (len(counts) * counts[group]))
