"""Embeddings that the user brings along."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pytorch_lightning import Trainer

from alframe.data import ImageData
from alframe.embeddings.base import Embedded, FrozenEmbeddings
from alframe.embeddings.files import rows_at
from alframe.errors import ConfigurationError, DataError, InvalidInput
from alframe.functional.checks import check_points
from alframe.learner import quiet_trainer
from alframe.types import Positions


class ArrayFile(FrozenEmbeddings):
    """Points from a NumPy file: ``.npy``, or ``.npz`` with ``ids`` and ``embeddings``; nothing in it is unpickled.

    An array in a ``.npy`` stays in its file; one in a ``.npz`` is read into memory.

    Args:
        path: the file: floating-point rows, (N, D). Those of a ``.npy`` without ``ids`` are in the order of the
            source's table, one for each of its samples.
        ids: a text file with the sample id of each row of a ``.npy``, a line each.

    Raises:
        ConfigurationError: ``ids`` beside a ``.npz``, which has its own.
        DataError: a file is missing or is not what it should be.
        InvalidInput: no floating-point rows, not one id for each, an id twice.
    """

    def __init__(self, path: str | Path, *, ids: str | Path | None = None) -> None:
        self._path = Path(path)
        self._ids, self._rows = _open(self._path, None if ids is None else Path(ids))
        if self._rows.ndim != 2 or self._rows.size == 0 or not np.issubdtype(self._rows.dtype, np.floating):
            raise InvalidInput(
                f"{path} must hold floating-point embeddings (N, D), got {self._rows.shape} of {self._rows.dtype}"
            )
        if self._ids is not None:
            self._check_ids(self._ids)

    def embed(
        self,
        data: ImageData,
        positions: Positions,
        folder: Path,
        make_trainer: Callable[..., Trainer] = quiet_trainer,  # noqa: ARG002 (nothing is computed)
    ) -> Embedded:
        """See ``FrozenEmbeddings.embed``; no image is read.

        Raises:
            InvalidInput: a sample has no row, or the file's rows are not those of the table; a NaN or an infinity.
        """
        folder.mkdir(parents=True, exist_ok=True)
        with np.errstate(over="ignore"):
            points = rows_at(self._rows, self._find(data, positions), folder)
        check_points(points, f"{self._path}, in the order asked for,")
        return Embedded(positions, points)

    def _check_ids(self, ids: NDArray[np.str_]) -> None:
        if ids.shape != (len(self._rows),):
            raise InvalidInput(f"{self._path} needs one id for each of {len(self._rows)} rows, got {len(ids)}")
        names, counts = np.unique(ids, return_counts=True)
        if counts.max() > 1:
            most = str(names[counts.argmax()])
            raise InvalidInput(f"{self._path} has {counts.max()} rows for {most!r}; give each sample one")

    def _find(self, data: ImageData, positions: Positions) -> Positions:
        if self._ids is None:
            if len(self._rows) != len(data.source.table):
                raise InvalidInput(
                    f"{self._path} has {len(self._rows)} rows and {data.source.name} {len(data.source.table)} samples; "
                    "give a row for each, or say which they are with ids"
                )
            return positions
        wanted = data.source.table.ids[positions]
        order = np.argsort(self._ids)
        rows = order[np.minimum(np.searchsorted(self._ids, wanted, sorter=order), len(order) - 1)]
        missing = wanted[self._ids[rows] != wanted]
        if len(missing):
            share = f"{len(missing)} of {len(wanted)} samples"
            raise InvalidInput(f"{self._path} has no row for {share}, the first of them {str(missing[0])!r}")
        return rows


def _open(path: Path, ids: Path | None) -> tuple[NDArray[np.str_] | None, NDArray[Any]]:
    """The ids, if there are any, and the rows."""
    try:
        opened = np.load(path, mmap_mode="r", allow_pickle=False)
        if isinstance(opened, np.ndarray):
            return None if ids is None else np.array(ids.read_text().splitlines(), dtype=np.str_), opened
        with opened:
            if ids is not None:
                raise ConfigurationError(f"{path} brings its own ids; leave embeddings.ids={ids} out")
            return opened["ids"].astype(np.str_), opened["embeddings"]
    except KeyError as error:
        raise DataError(f"{path} must hold the arrays ids and embeddings: {error.args[0]}") from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"embeddings cannot be read from {path}: {error}") from error
