"""Rows of numbers in files: found again by content, cut to what is whole, never read into memory at once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from rich.markup import escape

from alframe.functional.blocks import row_blocks
from alframe.progress import say
from alframe.types import Positions

LINE = np.dtype([("content", "S64"), ("end", "S1")])
"""A line of ``contents.txt``: a SHA-256 in hexadecimal."""

BLOCK_ENTRIES = 1 << 22
"""Entries of rows that are held in memory at once: 16 MiB of float32."""


class RowStore:
    """Rows (N, ``width``) float32 in ``folder``, each under the SHA-256 of what it was computed from.

    ``rows.float32`` has the rows without a header, so that more can be appended; ``contents.txt`` a line for each, in
    the same order. Rows are on the disk before their lines are written: what has no whole line was being written when a
    process was killed, and is cut off when the store is opened. Only who has a ``claim`` on the folder may open it.
    """

    def __init__(self, folder: Path, width: int) -> None:
        self._rows = folder / "rows.float32"
        self._lines = folder / "contents.txt"
        self._width = width
        self._rows.touch()
        self._lines.touch()
        whole = np.fromfile(self._lines, dtype=LINE)["end"] == b"\n"
        lines = len(whole) if whole.all() else int(whole.argmin())
        row = width * np.dtype(np.float32).itemsize
        count = min(lines, self._rows.stat().st_size // row)
        os.truncate(self._rows, count * row)
        os.truncate(self._lines, count * LINE.itemsize)

    def find(self, contents: NDArray[np.bytes_]) -> Positions:
        """The row of each content, (N,) -> (N,); -1 where there is none."""
        known = np.fromfile(self._lines, dtype=LINE)["content"]
        if len(known) == 0:
            return np.full(len(contents), -1)
        order = np.argsort(known)
        places = np.searchsorted(known, contents, sorter=order)
        rows = order[np.minimum(places, len(known) - 1)]
        return np.where(known[rows] == contents, rows, -1)

    def append(self, contents: NDArray[np.bytes_], rows: NDArray[np.float32]) -> None:
        """Add new contents, (N,), and their rows, (N, width); on the disk when this returns."""
        lines = np.empty(len(contents), dtype=LINE)
        lines["content"], lines["end"] = contents, b"\n"
        for path, written in ((self._rows, rows.astype(np.float32)), (self._lines, lines)):
            with path.open("ab") as file:
                file.write(written.tobytes())
                file.flush()
                os.fsync(file.fileno())

    def mapped(self) -> NDArray[np.float32]:
        """All rows, in their file."""
        if self._rows.stat().st_size == 0:
            return np.empty((0, self._width), dtype=np.float32)
        return np.memmap(self._rows, dtype=np.float32, mode="r").reshape(-1, self._width)


@contextmanager
def claim(folder: Path) -> Iterator[None]:
    """Hold ``folder``, which is made if need be, for this process; wait for another one that holds it."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"waiting for another process that embeds into {escape(str(folder))}")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def rows_at(array: NDArray[Any], rows: Positions, folder: Path) -> NDArray[np.float32]:
    """``array[rows]`` in float32 and in a file: a slice where that is what it is, else gathered in ``unnamed``."""
    if array.dtype == np.float32 and len(rows) and (np.diff(rows) == 1).all():
        return array[rows[0] : rows[-1] + 1]
    gathered = unnamed(folder, (len(rows), array.shape[1]))
    for block in row_blocks(len(rows), array.shape[1], BLOCK_ENTRIES):
        gathered[block] = array[rows[block]]
    gathered.flags.writeable = False
    return gathered


def unnamed(folder: Path, shape: tuple[int, int]) -> NDArray[np.float32]:
    """An array in a file in ``folder`` that has no name and goes when the array goes, or the process."""
    if 0 in shape:
        return np.empty(shape, dtype=np.float32)
    with TemporaryFile(dir=folder) as file:
        return np.memmap(file, dtype=np.float32, mode="w+", shape=shape)
