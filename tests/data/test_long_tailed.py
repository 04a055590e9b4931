from __future__ import annotations

import numpy as np
import pytest
import squares
import tiny

from alframe.data import Digits, LongTailed
from alframe.errors import ConfigurationError


def counts(source: LongTailed) -> list[int]:
    table = source.table
    found: list[int] = np.bincount(table.labels[~table.held_out], minlength=len(source.classes)).tolist()
    return found


def test_classes_shrink_by_equal_factors() -> None:
    """From the size of the largest class to a sixteenth of it; held-out samples all stay."""
    source = tiny.Bars(count=3000)
    largest = np.bincount(source.table.labels[~source.table.held_out]).max()
    tail = LongTailed(source, ratio=16, seed=1)
    assert counts(tail) == [counts(tail)[0], round(largest / 4), round(largest / 16)]
    assert tail.table.held_out.sum() == source.table.held_out.sum()


def test_no_class_vanishes() -> None:
    """However large the ratio, a class that has samples keeps one."""
    source = Digits()
    tail = counts(LongTailed(source, ratio=1e6))
    assert tail[0] == np.sum(~source.table.held_out & (source.table.labels == 0))
    assert tail[5:] == [1] * 5


def test_images_keep_their_names_labels_and_pixels() -> None:
    """Every row of the tail is a row of the whole, read and hashed as it was there."""
    source = tiny.Bars(count=100)
    tail = LongTailed(source, ratio=10)
    for row, name in enumerate(tail.table.ids.tolist()):
        place = source.table.ids.tolist().index(name)
        assert tail.table.labels[row] == source.table.labels[place]
        assert tail.content_hash(row) == source.content_hash(place)
        np.testing.assert_array_equal(tail.read(row), source.read(place))
    assert tail.in_memory
    assert tail.name == "bars_long_tailed"


def test_the_seed_says_which_samples_stay() -> None:
    source = tiny.Bars(count=300)
    same, again, other = (LongTailed(source, 10, seed).table.ids.tolist() for seed in (0, 0, 1))
    assert same == again != other


@pytest.mark.parametrize("ratio", [0.5, -1.0])
def test_a_tail_that_grows_is_refused(ratio: float) -> None:
    with pytest.raises(ConfigurationError, match="ratio from 1 up"):
        LongTailed(tiny.Bars(), ratio)


def test_objects_have_no_long_tail() -> None:
    """An image may have objects of several classes: which to leave out is not for this source to say."""
    with pytest.raises(ConfigurationError, match="squares are objects"):
        LongTailed(squares.Squares())
