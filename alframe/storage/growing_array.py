"""NumPy files that grow by rows, without ever being in memory as a whole."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray


def append_rows(path: Path, rows: NDArray[np.generic]) -> None:
    """Write ``rows`` (N, ...) behind those in ``path``, which begins with them; they are on disk when this returns.

    The header says how many there are only after ``close_rows``.
    """
    with path.open("ab") as file:
        if file.tell() == 0:
            _write_header(file, rows.dtype, (0, *rows.shape[1:]))
        file.write(np.ascontiguousarray(rows).data)
        flush(file)


def cut_rows(path: Path, count: int) -> None:
    """Keep the first ``count`` rows; at least one, since the file may not have a whole header before."""
    with path.open("rb") as file:
        shape, dtype = _read_header(file)
        start = file.tell()
    os.truncate(path, start + count * math.prod(shape[1:]) * dtype.itemsize)


def close_rows(path: Path, count: int) -> None:
    """Let the header say that there are ``count`` rows: now it is a NumPy file like any other."""
    with path.open("r+b") as file:
        shape, dtype = _read_header(file)
        file.seek(0)
        _write_header(file, dtype, (count, *shape[1:]))
        flush(file)


def flush(file: BinaryIO) -> None:
    """Have the system write to disk what was written to ``file``."""
    file.flush()
    os.fsync(file.fileno())


def _write_header(file: BinaryIO, dtype: np.dtype[np.generic], shape: tuple[int, ...]) -> None:
    # NumPy pads the header so that the first axis can grow without moving what follows.
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


def _read_header(file: BinaryIO) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    np.lib.format.read_magic(file)
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    return shape, dtype
