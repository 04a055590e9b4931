"""Points in a graph that a query walks along, ever nearer."""

from __future__ import annotations

from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from alframe.errors import ConfigurationError
from alframe.index.base import Index
from alframe.types import Positions


class Hnsw(Index):
    """Neighbours by walking a graph: the fastest search, at the price of a slow build and of memory for its links.

    The graph depends on the order of adding, and with several threads on their timing.

    Args:
        links: of each point to others (twice as many on the lowest level): 8 bytes a link beside the coordinates.
        build_effort: how many candidates are kept while a point's links are looked for.
        search_effort: how many are kept in a search; never fewer than the neighbours asked for.

    Raises:
        ConfigurationError: fewer than 2 links, an effort under 1.

    Source: Malkov & Yashunin, "Efficient and robust approximate nearest neighbor search using hierarchical navigable
    small world graphs", PAMI 2020.
    """

    def __init__(self, *, links: int = 32, build_effort: int = 80, search_effort: int = 64) -> None:
        for name, value, least in (
            ("links", links, 2),
            ("build_effort", build_effort, 1),
            ("search_effort", search_effort, 1),
        ):
            if value < least:
                raise ConfigurationError(f"index.{name} must be at least {least}, got {value}")
        super().__init__(sample=1 << 16, seed=0)
        self._links = links
        self._build_effort = build_effort
        self._search_effort = search_effort

    @property
    def arguments(self) -> dict[str, int | None]:
        """All but the effort of a search."""
        return {"links": self._links, "build_effort": self._build_effort}

    def _untrained(self, width: int, points: int, sample: int) -> Any:  # noqa: ARG002 (a graph grows as it must)
        index = faiss.IndexHNSWFlat(width, self._links)
        index.hnsw.efConstruction = self._build_effort
        return index

    def _search(self, inner: Any, rows: NDArray[np.float32], count: int) -> tuple[NDArray[np.float32], Positions]:
        inner.hnsw.efSearch = max(self._search_effort, count)
        near, found = inner.search(rows, count)
        return near, found

    def _search_all(self, inner: Any, rows: NDArray[np.float32], count: int) -> tuple[NDArray[np.float32], Positions]:
        near, found = faiss.downcast_index(inner.storage).search(rows, count)
        return near, found
