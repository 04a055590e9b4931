"""The held-out split: stratified, seeded, and clear about what cannot be split."""

from __future__ import annotations

import numpy as np
import pytest

from alframe.data.splits import held_out_images, held_out_mask
from alframe.errors import DataError
from alframe.types import UNLABELLED, Object, Objects, label_array

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


def seen(*labels: int, crowd: bool = False) -> Objects:
    return Objects(tuple(Object((0, 0, 1, 1), label, crowd=crowd) for label in labels))


@pytest.mark.parametrize("seed", range(20))
def test_images_are_drawn_by_their_rarest_class(seed: int) -> None:
    """The share of each stratum, give or take one, and there may be only one; what is ignored is no class."""
    kinds = {
        "common": seen(0, 0),
        "rare": seen(0, 1),
        "single": seen(2, 0),
        "empty": seen(),
        "crowd": seen(2, crowd=True),
    }
    counts = {"common": 50, "rare": 8, "single": 1, "empty": 21, "crowd": 9}
    names = np.repeat(list(counts), list(counts.values()))
    labels = label_array([*(kinds[name] for name in names.tolist()), None])
    mask = held_out_images(labels, 0.25, seed)
    assert mask.sum() in {22, 23}
    assert not mask[-1]
    for stratum in (["common"], ["rare"], ["single"], ["empty", "crowd"]):
        rows = np.isin(names, stratum)
        assert abs(mask[:-1][rows].sum() - 0.25 * rows.sum()) < 1
    np.testing.assert_array_equal(mask, held_out_images(labels, 0.25, seed))


def test_images_that_cannot_be_split() -> None:
    """One image, and shares that are none."""
    with pytest.raises(DataError, match=r"cannot hold out 0\.2 of 1 annotated images"):
        held_out_images(label_array([seen(0)]), 0.2, 0)
    with pytest.raises(DataError, match="between 0 and 1"):
        held_out_images(label_array([seen(0)] * 4), 1.0, 0)
