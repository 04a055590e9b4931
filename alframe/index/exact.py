"""Every query is compared with every point."""

from __future__ import annotations

from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from alframe.index.base import Index
from alframe.types import Positions


class Exact(Index):
    """The exact neighbours: time and memory are proportional to the points, and there is nothing to tune.

    >>> index = Exact()
    >>> index.build(np.array([[0.0], [1.0], [5.0]]))
    >>> distances, positions = index.search(np.array([[4.0]]), count=2)
    >>> distances.tolist(), positions.tolist()
    ([[1.0, 9.0]], [[2, 1]])
    """

    def __init__(self) -> None:
        super().__init__(sample=1 << 16, seed=0)

    @property
    def arguments(self) -> dict[str, int | None]:
        """None."""
        return {}

    def _untrained(self, width: int, points: int, sample: int) -> Any:  # noqa: ARG002 (a flat list has no sizes)
        return faiss.IndexFlatL2(width)

    def _search(self, inner: Any, rows: NDArray[np.float32], count: int) -> tuple[NDArray[np.float32], Positions]:
        near, found = inner.search(rows, count)
        return near, found
