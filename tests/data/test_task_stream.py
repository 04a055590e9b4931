from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import squares
import tiny

from alframe.data import Digits, TaskStream
from alframe.errors import ConfigurationError


def test_classes_come_two_at_a_time() -> None:
    """Five tasks of the ten digits, in their order, among training and held-out samples alike."""
    table = TaskStream(Digits()).table
    assert table.groups.tolist() == [f"task {label // 2 + 1}" for label in table.labels.tolist()]
    assert set(table.groups[table.held_out]) == set(table.groups[~table.held_out])


def test_tasks_are_as_even_as_they_can_be_and_sort_in_their_order() -> None:
    """Three classes in two tasks; of ten tasks the tenth sorts last."""
    of_bars = TaskStream(tiny.Bars(), tasks=2).table
    assert of_bars.groups.tolist() == ["task 1" if label < 2 else "task 2" for label in of_bars.labels.tolist()]
    ten = TaskStream(Digits(), tasks=10).table
    assert [np.unique(ten.labels[ten.groups == name]).tolist() for name in np.unique(ten.groups)] == [
        [label] for label in range(10)
    ]


def test_the_seed_shuffles_the_classes() -> None:
    """The same seed gives the same tasks, another one others; each class is in one task."""
    same, again, other = (TaskStream(Digits(), seed=seed).table for seed in (0, 0, 1))
    assert same.groups.tolist() == again.groups.tolist() != other.groups.tolist()
    assert len({(label, group) for label, group in zip(same.labels, same.groups, strict=True)}) == 10


def test_what_has_no_class_has_no_task() -> None:
    source = tiny.Bars()
    source.table = replace(source.table, labels=np.where(np.arange(60) == 7, -1, source.table.labels))
    groups = TaskStream(source, tasks=3).table.groups
    assert groups[7] == ""
    assert np.count_nonzero(groups == "") == 1


def test_images_are_the_others() -> None:
    source = tiny.Bars()
    stream = TaskStream(source, tasks=3)
    np.testing.assert_array_equal(stream.read(5), source.read(5))
    assert stream.content_hash(5) == source.content_hash(5)
    assert stream.table.ids.tolist() == source.table.ids.tolist()
    assert stream.in_memory
    assert stream.name == "split_bars"


@pytest.mark.parametrize("tasks", [1, 4])
def test_tasks_without_a_class_are_refused(tasks: int) -> None:
    with pytest.raises(ConfigurationError, match="3 classes make between 2 and 3 tasks"):
        TaskStream(tiny.Bars(), tasks=tasks)


def test_objects_make_no_tasks() -> None:
    with pytest.raises(ConfigurationError, match="squares are objects"):
        TaskStream(squares.Squares())
