"""Classes that are added later: what a learner of fewer classes knew, in one that has more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from alframe.errors import RunConflict

if TYPE_CHECKING:
    from alframe.learner.base import Learner

BACKGROUND = -1
"""In place of a class, for what belongs to none."""
SILENCE = 50.0
"""So far under the mean of the others is the logit of a class that was never learnt: its probability is below e^-50."""


@dataclass(frozen=True, eq=False)
class ClassRows:
    """Which class each row of a tensor is of.

    Attributes:
        classes: (rows,) class indices or ``BACKGROUND``; each class has equally many, in the same order.
        silenced: whether they are added to logits, and so keep a class silent that was never learnt.
        columns: whether the columns are of the same classes.
    """

    classes: Tensor
    silenced: bool = False
    columns: bool = False


def rows_of(classes: int, *, background: bool = False, each: int = 1, times: int = 1) -> Tensor:
    """The classes in turn, after the background if there is one, ``each`` for so many rows, all of it several times.

    >>> rows_of(2, background=True, each=2).tolist()
    [-1, -1, 0, 0, 1, 1]
    """
    return torch.arange(BACKGROUND if background else 0, classes).repeat_interleave(each).repeat(times)


def layer_rows(name: str, classes: Tensor) -> dict[str, ClassRows]:
    """Of weight and bias of the layer of this name, whose outputs are logits of these classes."""
    return {f"{name}.weight": ClassRows(classes), f"{name}.bias": ClassRows(classes, silenced=True)}


def in_networks(each: Iterable[Mapping[str, ClassRows]]) -> dict[str, ClassRows]:
    """What has rows for classes in each of a learner's networks, as it is named in the learner."""
    return {f"networks.{number}.{name}": rows for number, own in enumerate(each) for name, rows in own.items()}


def with_silent_classes(learner: Learner, state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], int]:
    """The state of a learner of as many classes or fewer, for this one, and how many of its classes were never learnt.

    It says what it said, and of these nothing: such a class has the mean of the other classes' rows, and ``SILENCE``
    less in what is added to logits.

    Raises:
        RunConflict: it is of a learner of more classes.
    """
    held = held_classes(learner, state)
    if held is None or held == learner.num_classes:
        return dict(state), 0
    grown = {}
    for name, values, old, wide, new in _widened(learner, state, held, torch.arange(learner.num_classes) < held):
        typical = torch.stack([values[old.classes == known] for known in range(held)]).mean(dim=0)
        for later in range(held, learner.num_classes):
            wide[new.classes == later] = typical - SILENCE if new.silenced else typical
        grown[name] = wide
    return {**state, **grown}, learner.num_classes - held


def with_new_classes(learner: Learner, state: Mapping[str, Tensor], learnt: Tensor) -> dict[str, Tensor]:
    """The state of a learner of as many classes or fewer, for this one, with its own rows for all but the ``learnt``.

    Args:
        learner: made, and not trained.
        state: of another of its architecture.
        learnt: (C,) which classes to take on.

    Raises:
        RunConflict: the other has more classes.
    """
    held = held_classes(learner, state)
    if held is None or (held == learner.num_classes and learnt.all()):
        return dict(state)
    return {**state, **{name: wide for name, _, _, wide, _ in _widened(learner, state, held, learnt)}}


def held_classes(learner: Learner, state: Mapping[str, Tensor]) -> int | None:
    """How many classes a learner of this architecture has whose state this is; ``None`` if it is of another one.

    Raises:
        RunConflict: more than this learner.
    """
    without, one = learner.class_rows(0), learner.class_rows(1)
    if not one.keys() <= state.keys() or not one:
        return None
    name = next(iter(one))
    first = len(without[name].classes)
    held = (len(state[name]) - first) // (len(one[name].classes) - first)
    if held < 1 or any(len(state[name]) != len(rows.classes) for name, rows in learner.class_rows(held).items()):
        return None
    if held > learner.num_classes:
        raise RunConflict(
            f"these weights tell {held} classes apart and there are {learner.num_classes} now: classes can be added, "
            "after all others, but none can be taken away"
        )
    return held


def _widened(
    learner: Learner, state: Mapping[str, Tensor], held: int, known: Tensor
) -> Iterator[tuple[str, Tensor, ClassRows, Tensor, ClassRows]]:
    """What has rows for classes: its name, its values and their rows; and this learner's own, with the known rows."""
    own, before, now = learner.state_dict(), learner.class_rows(held), learner.class_rows(learner.num_classes)
    known = F.pad(known, (0, 1), value=True)  # what BACKGROUND, -1, finds
    for name, new in now.items():
        values, old, wide = state[name], before[name], own[name].to(state[name], copy=True)
        if new.columns:
            narrow, values = values, values.new_zeros(len(values), wide.shape[1])
            values[:, known[new.classes]] = narrow[:, known[old.classes]]
        wide[known[new.classes]] = values[known[old.classes]]
        yield name, values, old, wide, new
