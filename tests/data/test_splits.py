"""The held-out split: stratified, seeded, and clear about what cannot be split."""

from __future__ import annotations

import numpy as np
import pytest

from alframe.data.splits import held_out_mask
from alframe.errors import DataError
from alframe.types import UNLABELLED

CLASSES = ("a", "b", "c")
LABELS = np.repeat(np.array([0, 1, 2, UNLABELLED]), [100, 40, 20, 30])


def test_every_class_gives_its_share() -> None:
    """A quarter of each class is held out, and nothing without a label."""
    drawn = LABELS[held_out_mask(LABELS, CLASSES, 0.25, seed=0)]
    np.testing.assert_array_equal(np.unique_counts(drawn).values, [0, 1, 2])
    np.testing.assert_array_equal(np.unique_counts(drawn).counts, [25, 10, 5])


def test_seed_decides() -> None:
    """The same seed draws the same samples, another seed others."""
    first, again, other = (held_out_mask(LABELS, CLASSES, 0.25, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize("share", [0.0, 1.0, -0.5, 20])
def test_share_outside_is_refused(share: float) -> None:
    """Nothing, everything and percentages are no shares."""
    with pytest.raises(DataError, match="between 0 and 1"):
        held_out_mask(LABELS, CLASSES, share, seed=0)


def test_single_sample_is_named() -> None:
    """A class with one sample cannot be on both sides, and the error names it."""
    with pytest.raises(DataError, match="only one sample of c;"):
        held_out_mask(np.array([0, 0, 1, 1, 2]), CLASSES, 0.5, seed=0)


def test_too_few_to_hold_out() -> None:
    """Fewer held-out samples than classes cannot be stratified."""
    with pytest.raises(DataError, match=r"cannot hold out 0.1 of 6 samples in 3 classes"):
        held_out_mask(np.array([0, 0, 1, 1, 2, 2]), CLASSES, 0.1, seed=0)
