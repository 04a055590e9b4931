"""Blocks cover their rows, and what is computed in them is what would be computed at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import entr

from alframe.functional.blocks import BLOCK_ENTRIES, entropies, map_blocks, row_blocks, score_blocks


@given(rows=st.integers(0, 200), width=st.integers(0, 50), entries=st.integers(1, 300))
def test_blocks_cover_each_row_once_and_stay_small(rows: int, width: int, entries: int) -> None:
    """In order, without gaps; more entries than allowed only where a single row has them."""
    blocks = row_blocks(rows, width, entries)
    covered = [row for block in blocks for row in range(block.start, block.stop)]
    assert covered == list(range(rows))
    assert all((block.stop - block.start) * width <= entries or block.stop - block.start == 1 for block in blocks)


def test_scores_of_many_blocks_keep_the_order_of_their_rows() -> None:
    """Threads may finish in any order."""
    values = np.arange(20 * BLOCK_ENTRIES // 1000 * 1000, dtype=np.float64).reshape(-1, 1000)
    assert len(row_blocks(*values.shape)) >= 20
    np.testing.assert_array_equal(score_blocks(values, lambda block: block[:, 0]), values[:, 0])


def test_what_goes_wrong_in_a_block_is_raised() -> None:
    """An exception in a thread is not lost."""

    def fail(block: object) -> None:
        raise LookupError(type(block).__name__)

    with pytest.raises(LookupError, match="ndarray"):
        map_blocks(fail, np.zeros((3, BLOCK_ENTRIES)))


def test_entropies_are_scipys_along_the_last_axis() -> None:
    """For zeros, ones and numbers too small for a logarithm of their own, in any number of dimensions."""
    distributions = np.random.default_rng(0).dirichlet(np.full(5, 0.05), size=(6, 7))
    distributions[0, 0] = [1.0, 0.0, 0.0, 5e-324, 0.0]
    np.testing.assert_allclose(entropies(distributions), entr(distributions).sum(axis=-1), rtol=1e-12, atol=1e-300)
