"""Points in lists around centroids, of which a query reads the nearest few."""

from __future__ import annotations

from math import sqrt
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from alframe.errors import ConfigurationError, InvalidInput
from alframe.index.base import Index
from alframe.types import Positions

POINTS_PER_LIST = 39
"""Fewer training points per centroid make poor centroids, FAISS warns."""


class InvertedFile(Index):
    """Neighbours from the lists nearest to a query: fast to build, memory as for ``Exact``, time a share of its.

    A point lies in the list of its nearest centroid. A neighbour is missed where it lies in a list that is not read:
    the more ``probes``, the fewer.

    Args:
        lists: how many; ``None`` for 4 sqrt(N) when it is trained on N points, or fewer where the sample is too small
            to place so many. Grown many times over, an index has lists that are too long: build it again.
        probes: how many lists a query reads.
        sample: the most points that the centroids are learnt from.
        seed: of that sample and of the first centroids.

    Raises:
        ConfigurationError: an argument under 1.

    Source: Jégou, Douze & Schmid, "Product quantization for nearest neighbor search", PAMI 2011, without the
    quantization; the number of lists is that of FAISS's guidelines.
    """

    def __init__(self, *, lists: int | None = None, probes: int = 32, sample: int = 1 << 18, seed: int = 0) -> None:
        for name, value in (("lists", lists), ("probes", probes), ("sample", sample)):
            if value is not None and value < 1:
                raise ConfigurationError(f"index.{name} must be at least 1, got {value}")
        super().__init__(sample=sample, seed=seed)
        self._lists = lists
        self._probes = probes

    @property
    def arguments(self) -> dict[str, int | None]:
        """All but the probes, which only a search needs."""
        return {"lists": self._lists, "sample": self._sample, "seed": self._seed}

    def _untrained(self, width: int, points: int, sample: int) -> Any:
        lists = self._lists or max(1, min(round(4 * sqrt(points)), sample // POINTS_PER_LIST))
        if sample < lists:
            raise InvalidInput(
                f"cannot learn {lists} lists from {sample} points; give fewer lists or more points, or search exactly"
            )
        index = faiss.IndexIVFFlat(faiss.IndexFlatL2(width), width, lists)
        index.cp.seed = self._seed
        index.cp.min_points_per_centroid = 1  # fewer than it likes are the user's choice, and it would print a warning
        return index

    def _search(self, inner: Any, rows: NDArray[np.float32], count: int) -> tuple[NDArray[np.float32], Positions]:
        return _probe(inner, rows, count, self._probes)

    def _search_all(self, inner: Any, rows: NDArray[np.float32], count: int) -> tuple[NDArray[np.float32], Positions]:
        return _probe(inner, rows, count, inner.nlist)


def _probe(inner: Any, rows: NDArray[np.float32], count: int, probes: int) -> tuple[NDArray[np.float32], Positions]:
    inner.nprobe = min(probes, inner.nlist)
    near, found = inner.search(rows, count)
    return near, found
