"""Random images for the benchmarks of scoring: any number of them, of which few exist."""

from __future__ import annotations

import numpy as np

from alframe.data import Image, Source
from alframe.types import SampleTable

DISTINCT = 512


class Noise(Source):
    """Random grey images, repeated in turn, so that a million of them take no memory."""

    name = "noise"
    classes = tuple("0123456789")
    in_memory = True

    def __init__(self, count: int, size: int) -> None:
        self._pixels = np.random.default_rng(0).integers(0, 256, (min(count, DISTINCT), size, size, 1), dtype=np.uint8)
        self.table = SampleTable(
            ids=np.arange(count).astype(f"U{len(str(count))}"),
            labels=np.zeros(count, dtype=np.int64),
            held_out=np.zeros(count, dtype=np.bool_),
            groups=np.full(count, ""),
            costs=np.ones(count),
        )

    def read(self, position: int, side: int | None = None) -> Image:  # noqa: ARG002 (nothing is saved by less)
        """One image."""
        image: Image = self._pixels[position % len(self._pixels)]
        return image

    def content_hash(self, position: int) -> str:
        """Not measured here."""
        raise LookupError(position)
