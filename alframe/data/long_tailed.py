"""A source made imbalanced on purpose, for studies of rare classes."""

from __future__ import annotations

import numpy as np

from alframe.data.source import Image, Source
from alframe.errors import ConfigurationError
from alframe.functional.randomness import generator
from alframe.types import SampleTable


class LongTailed(Source):
    """Another source with fewer and fewer training samples from its first class to its last.

    Class ``c`` of ``C`` keeps the share ``ratio ** (-c / (C - 1))`` of what the largest class has, or all it has where
    that is less, and at least one sample; which, the seed says. Held-out samples, and such without a label, all stay.

    Args:
        source: the other source.
        ratio: how many times as many samples the first class keeps as the last.
        seed: of the draw.

    Raises:
        ConfigurationError: a ratio below 1, fewer than two classes, or labels that are objects.

    Source: Cui et al., "Class-balanced loss based on effective number of samples", CVPR 2019.
    """

    def __init__(self, source: Source, ratio: float = 100.0, seed: int = 0) -> None:
        classes = len(source.classes)
        if source.table.has_objects:
            raise ConfigurationError(f"a long tail is cut from classes, and the labels of {source.name} are objects")
        if ratio < 1 or classes < 2:
            raise ConfigurationError(f"a long tail needs a ratio from 1 up and 2 classes, got {ratio} and {classes}")
        self.name = f"{source.name}_long_tailed"
        self.classes = source.classes
        self.in_memory = source.in_memory
        self._source = source
        self._rows = _kept(source.table, classes, ratio, seed)
        self.table = source.table.take(self._rows)

    def read(self, position: int, side: int | None = None) -> Image:
        """The other source's image."""
        return self._source.read(int(self._rows[position]), side)

    def content_hash(self, position: int) -> str:
        """The other source's hash."""
        return self._source.content_hash(int(self._rows[position]))


def _kept(table: SampleTable, classes: int, ratio: float, seed: int) -> np.ndarray:
    rng, kept = generator(seed, "long tail"), [np.flatnonzero(table.held_out | (table.labels < 0))]
    members = [np.flatnonzero((table.labels == label) & ~table.held_out) for label in range(classes)]
    largest = max(map(len, members))
    for label, rows in enumerate(members):
        count = min(len(rows), max(1, round(largest * ratio ** (-label / (classes - 1)))))
        kept.append(rng.choice(rows, size=count, replace=False))
    return np.sort(np.concatenate(kept))
