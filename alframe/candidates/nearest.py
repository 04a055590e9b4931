"""What lies near the samples that are labelled already."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from alframe.candidates.base import Candidates, Situation
from alframe.embeddings import Embedded, FrozenEmbeddings
from alframe.errors import ConfigurationError, RunConflict
from alframe.index import Index
from alframe.storage import whole_file
from alframe.types import Positions


class NearestLabelled(Candidates):
    """The nearest neighbours of each labelled sample in an index of frozen embeddings: work grows with the labels.

    Embeddings and index are made once, in the first round that looks, and lie in the run's cache.

    Args:
        embeddings: where the neighbours are looked for.
        index: how.
        neighbors: of each labelled sample; 100 in the paper, for pools of millions.

    Source: Coleman et al., "Similarity search for efficient active learning and search of rare concepts" (SEALS),
    AAAI 2022.
    """

    def __init__(self, *, embeddings: FrozenEmbeddings, index: Index, neighbors: int = 100) -> None:
        if neighbors < 1:
            raise ConfigurationError(f"candidates.neighbors must be at least 1, got {neighbors}")
        self._embeddings, self._index, self._neighbors = embeddings, index, neighbors

    def _find(self, situation: Situation) -> Positions:
        pool = np.union1d(situation.unlabelled, situation.labelled)
        embedded = self._embeddings.embed(situation.data, pool, situation.folder / "embeddings", situation.make_trainer)
        self._open_index(embedded, situation.folder)
        # A sample is its own nearest neighbour.
        count = min(self._neighbors + 1, len(embedded))
        labelled = np.flatnonzero(np.isin(embedded.positions, situation.labelled))
        _, neighbors = self._index.search(embedded.points[labelled], count)
        return np.unique(embedded.positions[neighbors])

    def _open_index(self, embedded: Embedded, folder: Path) -> None:
        """The index over these points: that of an earlier round, unless samples were set aside since."""
        path, indexed = folder / "index.faiss", folder / "indexed.npy"
        try:
            if np.array_equal(np.load(indexed, allow_pickle=False), embedded.positions):
                self._index.load(path)
                return
        except (FileNotFoundError, RunConflict):
            pass  # there is none, or not a whole one
        self._index.build(embedded.points)
        self._index.save(path)
        with whole_file(indexed) as unfinished:
            np.save(unfinished, embedded.positions)
