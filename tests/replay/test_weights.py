"""How often samples are drawn: new against old, and class by class."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from alframe.replay import KeepAll, NewOnly, Replay, Reservoir
from alframe.types import Labels, Object, Objects, TrainingSet, label_array

LABELS = np.array([0, 0, 0, 1, 1, 2, 0, 2])
NEW = np.array([0, 0, 0, 0, 0, 0, 1, 1], dtype=np.bool_)


def weights(buffer: Replay, labels: Labels = LABELS, new: NDArray[np.bool_] | None = NEW) -> list[float] | None:
    found = buffer.weights(TrainingSet(np.arange(len(labels)), labels, new=new))
    return None if found is None else found.tolist()


@pytest.mark.parametrize("buffer", [KeepAll(), NewOnly(), Reservoir(capacity=2)])
@pytest.mark.parametrize("new", [None, NEW, NEW | True, NEW & False])
def test_by_default_every_sample_is_drawn_equally_often(buffer: Replay, new: NDArray[np.bool_] | None) -> None:
    """No weights, with which an epoch is made of whole shuffles."""
    assert weights(buffer, new=new) is None


def test_new_samples_have_their_share() -> None:
    """Each new sample half of it, each old one a sixth of the rest."""
    assert weights(KeepAll(new_weight=0.4)) == pytest.approx([0.1] * 6 + [0.2] * 2)
    assert weights(KeepAll(new_weight=1)) == pytest.approx([0] * 6 + [0.5] * 2)


@pytest.mark.parametrize("new", [None, NEW | True, NEW & False])
def test_where_all_are_new_or_none_is_there_is_nothing_to_share(new: NDArray[np.bool_] | None) -> None:
    """As in the first round, and in one that gained no label."""
    assert weights(KeepAll(new_weight=0.4), new=new) is None


@pytest.mark.parametrize("new", [None, NEW, NEW | True])
def test_classes_are_drawn_equally_often(new: NDArray[np.bool_] | None) -> None:
    """Four samples of one class share a third, two of another one, and two of the last one."""
    expected = [1 / 12] * 3 + [1 / 6] * 3 + [1 / 12, 1 / 6]
    assert weights(KeepAll(balanced=True), new=new) == pytest.approx(expected)
    assert weights(NewOnly(balanced=True), new=new) == pytest.approx(expected)


def test_classes_are_drawn_equally_often_among_the_new_and_among_the_old() -> None:
    """Three classes of old samples share 0.4, two of new ones 0.6."""
    expected = [0.4 / 9] * 3 + [0.4 / 6] * 2 + [0.4 / 3] + [0.3, 0.3]
    assert weights(KeepAll(balanced=True, new_weight=0.6)) == pytest.approx(expected)


def test_an_image_counts_for_its_rarest_class() -> None:
    """Two images of a car alone share a third, as do one with a bicycle, and one without anything."""
    car, bicycle = Object((0, 0, 1, 1), 0), Object((0, 0, 1, 1), 1)
    drawn = label_array([Objects((car,)), Objects((bicycle, car)), Objects((car,)), Objects()])
    found = weights(KeepAll(balanced=True), drawn, np.ones(4, dtype=np.bool_))
    assert found == pytest.approx([1 / 6, 1 / 3, 1 / 6, 1 / 3])


@given(
    st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=2, max_size=30),
    st.floats(0.01, 1),
    st.booleans(),
)
def test_shares_hold(samples: list[tuple[int, bool]], new_weight: float, balanced: bool) -> None:
    """Weights sum to one; new samples have their share; under balance, so has each class among them."""
    labels = np.array([label for label, _ in samples])
    new = np.array([is_new for _, is_new in samples])
    found = KeepAll(new_weight=new_weight, balanced=balanced).weights(
        TrainingSet(np.arange(len(labels)), labels, new=new)
    )
    if new.all() or not new.any():
        assert (found is None) == (not balanced)
        return
    assert found is not None
    assert found.sum() == pytest.approx(1)
    assert found[new].sum() == pytest.approx(new_weight)
    if balanced:
        of_class = [found[new & (labels == label)].sum() for label in np.unique(labels[new])]
        assert of_class == pytest.approx([new_weight / len(of_class)] * len(of_class))
