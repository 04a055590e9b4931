"""What lies near the samples that are labelled already."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alframe.candidates.base import Candidates, Situation
from alframe.embeddings import Embedded, FrozenEmbeddings
from alframe.errors import ConfigurationError, RunConflict
from alframe.index import Index
from alframe.storage import load_arrays, save_arrays, whole_file
from alframe.types import Positions


class NearestLabelled(Candidates):
    """The nearest neighbours of each labelled sample in an index of frozen embeddings: work grows with the labels.

    Embeddings and index are made once, in the first round that looks, and lie in the run's cache; they are made again
    only for a pool that has samples which it had not then.

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
        embedded = self._embedded(situation)
        self._open_index(embedded, situation.folder / "index.faiss")
        # A sample is its own nearest neighbour.
        count = min(self._neighbors + 1, len(embedded))
        labelled = np.flatnonzero(np.isin(embedded.positions, situation.labelled))
        _, neighbors = self._index.search(embedded.points[labelled], count)
        return np.unique(embedded.positions[neighbors])

    def _embedded(self, situation: Situation) -> Embedded:
        """Every sample of the pool as the first round embedded it, those set aside since included."""
        folder, pool = situation.folder, np.union1d(situation.unlabelled, situation.labelled)
        record, points = folder / "embedded.npz", folder / "points.npy"
        if record.exists() and points.exists():
            first = load_arrays(record, _FirstRound)
            if np.isin(pool, first.asked).all():
                return Embedded(first.embedded, np.load(points, mmap_mode="r", allow_pickle=False))
        embedded = self._embeddings.embed(situation.data, pool, folder / "embeddings", situation.make_trainer)
        for outdated in (record, folder / "index.faiss"):
            outdated.unlink(missing_ok=True)
        with whole_file(points) as unfinished:
            np.save(unfinished, embedded.points)
        with whole_file(record) as unfinished:
            save_arrays(unfinished, _FirstRound(pool, embedded.positions))
        return embedded

    def _open_index(self, embedded: Embedded, path: Path) -> None:
        """The index over these points: that of an earlier round, if it is whole."""
        try:
            self._index.load(path)
        except RunConflict:
            self._index.build(embedded.points)
            self._index.save(path)


@dataclass(frozen=True, eq=False)
class _FirstRound:
    """Positions that were to be embedded, and those of them that could be read."""

    asked: Positions
    embedded: Positions
