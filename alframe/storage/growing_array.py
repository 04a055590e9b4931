"""NumPy files that grow by rows, without ever being in memory as a whole."""

from __future__ import annotations

import math
import os
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from alframe.storage.artifacts import flush_folder


def append_rows(path: Path, rows: NDArray[np.generic]) -> None:
    """Write ``rows`` (N, ...) behind those in ``path``, which begins with them; they are on disk when this returns.

    Rows after the first ones take on their dtype: the same strings may come in arrays of another width. The header
    says how many there are only after ``close_rows``.
    """
    if path.exists():
        with path.open("rb") as file:
            dtype = _read_header(file)[1]
        append_bytes(path, np.ascontiguousarray(rows, dtype).data)
    else:
        append_bytes(path, _header(rows.dtype, (0, *rows.shape[1:])), np.ascontiguousarray(rows).data)


def append_bytes(path: Path, *parts: bytes | memoryview) -> None:
    """Write ``parts`` behind what ``path`` holds; they are on disk when this returns, and so is the file's name."""
    is_new = not path.exists()
    with path.open("ab") as file:
        for part in parts:
            file.write(part)
        flush(file)
    if is_new:
        flush_folder(path.parent)


def whole_rows(path: Path) -> int:
    """How many rows ``path`` holds whole, whatever its header says: none where that is torn or missing."""
    try:
        with path.open("rb") as file:
            shape, dtype = _read_header(file)
            start = file.tell()
            return (file.seek(0, os.SEEK_END) - start) // _row_bytes(shape, dtype)
    except (FileNotFoundError, ValueError):
        return 0


def cut_rows(path: Path, count: int) -> None:
    """Keep the first ``count`` of the rows that ``path`` holds whole; at least one."""
    with path.open("rb") as file:
        shape, dtype = _read_header(file)
        start = file.tell()
    os.truncate(path, start + count * _row_bytes(shape, dtype))


def close_rows(path: Path, count: int) -> None:
    """Let the header say that there are ``count`` rows: now it is a NumPy file like any other."""
    with path.open("r+b") as file:
        shape, dtype = _read_header(file)
        file.seek(0)
        file.write(_header(dtype, (count, *shape[1:])))
        flush(file)


def flush(file: BinaryIO) -> None:
    """Have the system write to disk what was written to ``file``."""
    file.flush()
    os.fsync(file.fileno())


def _row_bytes(shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> int:
    return max(math.prod(shape[1:]) * dtype.itemsize, 1)


def _header(dtype: np.dtype[np.generic], shape: tuple[int, ...]) -> bytes:
    # NumPy pads the header so that the first axis can grow without moving what follows.
    file = BytesIO()
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue()


def _read_header(file: BinaryIO) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    np.lib.format.read_magic(file)
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    return shape, dtype
