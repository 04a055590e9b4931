"""Rows in blocks that fit a processor's cache: what is made beside an array is small, and read while it is near."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from os import cpu_count
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

Result = TypeVar("Result")

BLOCK_ENTRIES = 1 << 17
"""Entries of a block: 1 MiB in double precision."""

BLOCK_BYTES = 1 << 20
"""Of a block in whatever precision its array has."""


def blocks(count: int, size: int) -> list[slice]:
    """Slices of at most ``size``, and of at least one, that make up ``count``.

    >>> blocks(5, 3)
    [slice(0, 3, None), slice(3, 5, None)]
    """
    size = max(1, size)
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]


def row_blocks(rows: int, width: int, entries: int = BLOCK_ENTRIES) -> list[slice]:
    """Slices that cover ``rows`` rows of ``width`` entries each, so that none holds more than ``entries``, or one row.

    >>> row_blocks(5, width=10, entries=25)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    return blocks(rows, entries // max(1, width))


def on_all_cores(function: Callable[[slice], Result], parts: Sequence[slice]) -> list[Result]:
    """``function`` of each part, in order, in a thread for each core: NumPy leaves Python while it computes.

    >>> on_all_cores(lambda part: part.stop - part.start, blocks(5, 3))
    [3, 2]
    """
    if len(parts) < 2:
        return [function(part) for part in parts]
    # Threads of their own inside each matrix product would only wait for one another.
    with _libraries().limit(limits=1, user_api="blas"), ThreadPoolExecutor(max_workers=cpu_count()) as threads:
        return list(threads.map(function, parts))


@cache
def _libraries() -> ThreadpoolController:
    """What computes matrix products in this process; looking for it takes a while."""
    return ThreadpoolController()


def map_blocks(function: Callable[[NDArray[Any]], Result], values: NDArray[Any]) -> list[Result]:
    """``function`` of each block of ``values``' rows, in order, on all cores.

    >>> map_blocks(np.sum, np.ones((3, 100_000))) == [100_000.0] * 3
    True
    """
    row = values[:1].size * max(values.itemsize, 4)  # bytes; half precision is widened
    return on_all_cores(lambda block: function(values[block]), row_blocks(len(values), row, BLOCK_BYTES))


def score_blocks(values: NDArray[Any], score: Callable[[NDArray[Any]], NDArray[Any]]) -> NDArray[np.float64]:
    """``score`` of each row, block by block, (N, ...) -> (N,); half precision is widened to single on the way.

    >>> score_blocks(np.array([[1.0, 2.0], [3.0, 4.0]]), lambda block: block.sum(axis=1)).tolist()
    [3.0, 7.0]
    """
    scores = map_blocks(lambda block: score(at_least_single(block)), values)
    return np.concatenate([np.empty(0), *scores])


def at_least_single(values: NDArray[Any]) -> NDArray[Any]:
    """``values``, in single precision where they are in half.

    >>> at_least_single(np.zeros(1, np.float16)).dtype, at_least_single(np.zeros(1)).dtype
    (dtype('float32'), dtype('float64'))
    """
    return values.astype(np.promote_types(values.dtype, np.float32), copy=False)


def entropies(distributions: NDArray[Any]) -> NDArray[Any]:
    """Shannon entropy (nats) along the last axis, (..., C) -> (...), in the precision of ``distributions``.

    >>> entropies(np.array([[0.5, 0.5], [1.0, 0.0]])).round(4).tolist()
    [0.6931, 0.0]
    """
    return np.asarray(0.0 - np.einsum("...c,...c->...", distributions, finite_log(distributions)))


def finite_log(values: NDArray[Any]) -> NDArray[Any]:
    """Natural logarithm of values that are not negative; of zero a finite one, so that zero times it is zero.

    >>> (np.array([0.0, 1.0]) * finite_log(np.array([0.0, 1.0]))).tolist()
    [-0.0, 0.0]
    """
    # One look costs less than one more copy.
    positive = values if values.min(initial=1) > 0 else np.maximum(values, np.finfo(values.dtype).tiny)
    return np.asarray(np.log(positive))
