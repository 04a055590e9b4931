"""Bounds by float32 products hold what float64 measures, and what is settled is exact."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from alframe.functional.coverage.bounds import Distances


def measured(points: NDArray[np.float64], centers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared distances by the definition, (N, M)."""
    return np.asarray(((points[:, np.newaxis] - centers) ** 2).sum(axis=2))


@given(
    seed=st.integers(0, 10_000),
    width=st.sampled_from([1, 3, 64, 700]),
    spread=st.sampled_from([1e-12, 1e-3, 1.0, 1e9]),
    offset=st.sampled_from([0.0, 1.0, 1e6]),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_bounds_hold_and_settled_distances_are_exact(
    seed: int, width: int, spread: float, offset: float, dtype: type
) -> None:
    """For near and far points at every scale, and also where one centre was a point of the pool."""
    rng = np.random.default_rng(seed)
    points: NDArray[Any] = (offset + spread * rng.normal(size=(30, width))).astype(dtype)
    centers: NDArray[Any] = (offset + spread * rng.normal(size=(8, width))).astype(dtype)
    centers[0] = points[3] + spread * 1e-7
    distances = Distances(points, centers, capacity=1)
    rows = distances.rows(np.arange(30))
    true = measured(points.astype(np.float64), centers.astype(np.float64))
    upper = distances.upper(rows, 2, 8)
    assert (upper >= true[:, 2:].min(axis=1)).all()
    np.testing.assert_array_equal(distances.upper_of_all(5), distances.upper(rows, 0, 5))
    np.testing.assert_array_equal(distances.nearest(rows, 0, np.full(30, np.inf)), true.min(axis=1))

    distances.add(3, rows)
    added = measured(points.astype(np.float64), points[[3]].astype(np.float64))[:, 0]
    within = np.maximum(added, np.median(added)) * (rng.random(30) < 0.5)
    newest = distances.newest(rows, within)
    assert ((newest == added) | ((newest == np.inf) & (added > within))).all()
    np.testing.assert_array_equal(distances.nearest(rows, 8, np.full(30, np.inf)), added)
