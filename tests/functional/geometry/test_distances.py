"""Distances against the definition, whatever the block size."""

from __future__ import annotations

import numpy as np
import pytest

from alframe.functional.geometry import distances
from alframe.functional.geometry.distances import squared_distance_to_nearest


@pytest.mark.parametrize("entries", [1, 17, 100, 1 << 22])
def test_blocks_change_nothing(entries: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Row by row, a few rows at a time or all at once, the distances are the same to the last bit."""
    rng = np.random.default_rng(0)
    points, centers = rng.normal(size=(50, 5)), rng.normal(size=(7, 5))
    whole = squared_distance_to_nearest(points, centers)
    monkeypatch.setattr(distances, "BLOCK_ENTRIES", entries)
    np.testing.assert_array_equal(squared_distance_to_nearest(points, centers), whole)
    naive = [min(float(((point - center) ** 2).sum()) for center in centers) for point in points]
    np.testing.assert_allclose(whole, naive, rtol=1e-12)


def test_a_common_offset_costs_no_digits() -> None:
    """Points a million from the origin and one apart are exactly one apart, also in float32."""
    points = np.array([[1e6, 0.0], [1e6 + 1, 0.0]], dtype=np.float32)
    np.testing.assert_array_equal(squared_distance_to_nearest(points, points[:1]), [0, 1])
