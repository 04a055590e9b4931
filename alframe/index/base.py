"""What an index is: points that are added in blocks, searched by distance, and kept in a file beside its manifest."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from alframe.errors import InvalidInput, RunConflict
from alframe.functional.blocks import row_blocks
from alframe.progress import bar
from alframe.storage import file_sha256, load_record, save_record, whole_file
from alframe.types import Positions

BLOCK_ENTRIES = 1 << 23
"""Entries of a block of points or queries: 32 MiB of float32."""

LARGEST = 1e17
"""The largest coordinate: squares of larger ones, summed over a few thousand dimensions, leave float32."""


@dataclass(frozen=True)
class Manifest:
    """What lies in an index's file.

    Attributes:
        kind: the class that wrote it.
        arguments: of its constructor, as far as they decide what is in the file.
        width: D.
        count: how many points.
        sha256: of the file.
    """

    kind: str
    arguments: dict[str, int | None]
    width: int
    count: int
    sha256: str


class Index(ABC):
    """Nearest neighbours of points (N, D) by squared Euclidean distance, over FAISS.

    A point's position is its place in the order of adding. FAISS computes in float32; the mean of a sample of the
    points is taken off first, because a common offset would eat the digits that tell them apart. It computes in as many
    threads as OpenMP gives it: ``OMP_NUM_THREADS`` sets them.

    Args:
        sample: the most points that training looks at, drawn at random from those it is given.
        seed: of all that is random in training.

    Source: Douze et al., "The Faiss library", 2024.
    """

    def __init__(self, *, sample: int, seed: int) -> None:
        self._sample = sample
        self._seed = seed
        self._index: Any = None
        self._mapped: tuple[Path, Manifest] | None = None

    def __len__(self) -> int:
        return 0 if self._index is None else int(self._index.ntotal)

    @property
    @abstractmethod
    def arguments(self) -> dict[str, int | None]:
        """What was given to the constructor and decides what ``build`` makes."""

    def build(self, points: NDArray[Any]) -> None:
        """Train on ``points``, (N, D), and add them all; what was there is forgotten.

        Raises:
            InvalidInput: what ``train`` and ``add`` refuse.
        """
        self.train(points)
        self.add(points)

    def train(self, points: NDArray[Any]) -> None:
        """Begin without points, for points that are spread like these, (N, D) with N > 0, and about as many.

        Raises:
            InvalidInput: another shape, no points or too few of them, values that are not finite floats.
        """
        points = _check_shape(points, "points", width=None)
        if len(points) == 0:
            raise InvalidInput("an index is trained on at least 1 point, got 0")
        rng = np.random.default_rng(self._seed)
        rows = rng.choice(len(points), min(self._sample, len(points)), replace=False, shuffle=False)
        sample = _singles(points[np.sort(rows)], "points")
        inner = self._untrained(points.shape[1], len(points), len(sample))
        index = faiss.IndexPreTransform(faiss.CenteringTransform(points.shape[1]), inner)
        index.train(sample)
        self._index, self._mapped = index, None

    def add(self, points: NDArray[Any]) -> None:
        """Add ``points``, (N, D), behind those that are there; nothing is added if one of them is refused.

        They are read in blocks, so that an array in a file is never copied whole. An index that was loaded is read into
        memory first.

        Raises:
            InvalidInput: the index is neither trained nor loaded; another width, values that are not finite floats.
            RunConflict: the file that the index was loaded from has changed since.
        """
        index = self._ready("add to")
        points = _check_shape(points, "points", index.d)
        blocks = row_blocks(len(points), index.d, BLOCK_ENTRIES)
        for block in blocks:
            _singles(points[block], "points", block.start)
        if self._mapped is not None:
            self._index, self._mapped = _read(*self._mapped, flags=0), None
        with bar("index", total=len(points)) as advance:
            for block in blocks:
                self._index.add(_singles(points[block], "points"))
                advance(block.stop - block.start)

    def search(self, queries: NDArray[Any], count: int) -> tuple[NDArray[np.float32], Positions]:
        """The ``count`` nearest points of each query, nearest first, (Q, D) -> (Q, count) twice.

        Squared distances and positions. Every row is full: a query for which a short cut finds fewer points than were
        asked for is searched for among all of them.

        Raises:
            InvalidInput: the index is neither trained nor loaded; another width, values that are not finite floats;
                fewer than 1 neighbour, or more than there are points.
        """
        index = self._ready("search")
        queries = _check_shape(queries, "queries", index.d)
        if not 1 <= count <= len(self):
            raise InvalidInput(f"cannot find the {count} nearest of {len(self)} points; ask for 1 to {len(self)}")
        centering, inner = index.chain.at(0), faiss.downcast_index(index.index)
        distances = np.empty((len(queries), count), dtype=np.float32)
        positions = np.empty((len(queries), count), dtype=np.int64)
        for block in row_blocks(len(queries), max(index.d, count), BLOCK_ENTRIES):
            rows = centering.apply(_singles(queries[block], "queries", block.start))
            near, found = self._search(inner, rows, count)
            holes = (found < 0).any(axis=1)
            if holes.any():
                near[holes], found[holes] = self._search_all(inner, rows[holes], count)
            distances[block], positions[block] = near, found
        return distances, positions

    def save(self, path: Path) -> None:
        """Write the index to ``path``, and what it is to a file of the same name and ``.json``.

        Raises:
            InvalidInput: the index is neither trained nor loaded.
        """
        index = self._ready("save")
        with whole_file(path) as unfinished:
            faiss.write_index(index, str(unfinished))
        manifest = Manifest(type(self).__name__, self.arguments, index.d, len(self), file_sha256(path))
        with whole_file(_manifest_path(path)) as unfinished:
            save_record(unfinished, manifest)
        if self._mapped is not None:
            self._mapped = path, manifest

    def load(self, path: Path) -> None:
        """Become the index that one with the same arguments saved at ``path``; its points stay in the file.

        The file is mapped into memory (FAISS does so for flat lists, inverted lists and graphs alike), and must be left
        as it is; to ``save`` at the same path is safe. Nothing is read as an index before its SHA-256 is right.

        Raises:
            RunConflict: no file or no manifest, an index of another kind or made with other arguments, a file that is
                not the one that was saved.
        """
        if not path.is_file() or not _manifest_path(path).is_file():
            raise RunConflict(f"{path} and {_manifest_path(path).name} hold no index; build one and save it there")
        manifest = load_record(_manifest_path(path), Manifest)
        if (manifest.kind, manifest.arguments) != (type(self).__name__, self.arguments):
            raise RunConflict(
                f"{path} was made by {manifest.kind} with {manifest.arguments}, "
                f"not by {type(self).__name__} with {self.arguments}; build the index again"
            )
        self._index, self._mapped = _read(path, manifest, faiss.IO_FLAG_MMAP_IFC), (path, manifest)

    @abstractmethod
    def _untrained(self, width: int, points: int, sample: int) -> Any:
        """FAISS's index for so many points, to be trained on a sample of so many."""

    @abstractmethod
    def _search(self, inner: Any, rows: NDArray[np.float32], count: int) -> tuple[NDArray[np.float32], Positions]:
        """FAISS's answer; its position is -1 where it found fewer points."""

    def _search_all(self, inner: Any, rows: NDArray[np.float32], count: int) -> tuple[NDArray[np.float32], Positions]:
        """FAISS's answer when it compares each query with each point."""
        return self._search(inner, rows, count)

    def _ready(self, purpose: str) -> Any:
        if self._index is None:
            raise InvalidInput(f"cannot {purpose} an index without points: call build, train or load first")
        return self._index


def _read(path: Path, manifest: Manifest, flags: int) -> Any:
    if file_sha256(path) != manifest.sha256:
        raise RunConflict(f"{path} is not the index that was saved (SHA-256 {manifest.sha256}); build it again")
    return faiss.read_index(str(path), flags)


def _manifest_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _check_shape(points: NDArray[Any], name: str, width: int | None) -> NDArray[Any]:
    if points.ndim != 2 or points.shape[1] == 0 or width not in (None, points.shape[1]):
        shape = "(N, D) with D > 0" if width is None else f"(N, {width})"
        raise InvalidInput(f"{name} must be {shape}, got shape {points.shape}")
    if not np.issubdtype(points.dtype, np.floating):
        raise InvalidInput(f"{name} must be floating point, got {points.dtype}")
    return points


def _singles(points: NDArray[Any], name: str, start: int = 0) -> NDArray[np.float32]:
    """``points`` in float32, if FAISS can compute with them; ``start`` is the position of the first."""
    with np.errstate(over="ignore"):
        rows = np.ascontiguousarray(points, dtype=np.float32)
    fit = (np.abs(rows) <= LARGEST).all(axis=1)
    if not fit.all():
        raise InvalidInput(
            f"{name} must be finite and at most {LARGEST:g} in size; the one at position {start + fit.argmin()} is not"
        )
    return rows
