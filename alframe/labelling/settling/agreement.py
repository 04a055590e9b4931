"""How far the people of a project agree: on all its items, and on some of them; on classes, and on objects."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from alframe.functional import class_agreement, krippendorff_alpha, mean_matched_iou, pairwise_agreement
from alframe.labelling.projects import Project
from alframe.types import UNLABELLED, Label, Objects

Measure: TypeAlias = Literal["alpha", "iou"]
"""Krippendorff's alpha of classes, with Cohen's kappa between two; or the mean IoU of matched objects."""

ITEMS = 2_000
"""Objects are compared on so many items, the latest: each pair of answers has to be matched."""

Rows: TypeAlias = Sequence[int]
"""Positions of items."""


@dataclass(frozen=True)
class Pair:
    """How far two annotators agree.

    Attributes:
        first: user id.
        second: user id.
        value: by the project's measure for two; ``None`` where it is undefined.
        shared: items that both labelled, and that were compared.
    """

    first: int
    second: int
    value: float | None
    shared: int


class Agreement(ABC):
    """How far people agree on the items that they labelled.

    Attributes:
        measure: what the values are.
    """

    measure: Measure

    @abstractmethod
    def value(self, rows: Rows | None = None) -> float | None:
        """On the items at ``rows``, or on all; ``None`` where it is undefined."""

    @abstractmethod
    def per_class(self) -> list[float | None]:
        """Of each class."""

    @abstractmethod
    def pairs(self) -> Iterator[Pair]:
        """Each two who labelled the same items."""


@dataclass(frozen=True, eq=False)
class ClassAgreement(Agreement):
    """On classes.

    Attributes:
        votes: (N, A) classes, ``UNLABELLED`` where somebody gave none.
        annotators: (A,) user ids.
        num_classes: C.
    """

    votes: NDArray[np.int64]
    annotators: Sequence[int]
    num_classes: int
    measure: Measure = field(default="alpha", init=False)

    def value(self, rows: Rows | None = None) -> float | None:
        """Krippendorff's alpha."""
        votes = self.votes if rows is None else self.votes[list(rows)]
        return known(krippendorff_alpha(votes, self.num_classes))

    def per_class(self) -> list[float | None]:
        """Krippendorff's alpha of each class against all others."""
        return [known(each) for each in class_agreement(self.votes, self.num_classes)]

    def pairs(self) -> Iterator[Pair]:
        """Cohen's kappa."""
        found = pairwise_agreement(self.votes, self.num_classes)
        for first, second in combinations(range(len(self.annotators)), 2):
            if shared := int(found.shared[first, second]):
                value = known(float(found.kappa[first, second]))
                yield Pair(self.annotators[first], self.annotators[second], value, shared)


@dataclass(frozen=True)
class Overlap:
    """How far two answers to one item are the same.

    Attributes:
        row: the item.
        first: a user id.
        second: the other's.
        value: the mean IoU of matched objects.
        per_class: the same for each class that either drew.
    """

    row: int
    first: int
    second: int
    value: float
    per_class: Mapping[int, float]


@dataclass(frozen=True, eq=False)
class ObjectAgreement(Agreement):
    """On boxes and masks.

    Attributes:
        overlaps: of every two answers to one item.
        num_classes: C.
    """

    overlaps: Sequence[Overlap]
    num_classes: int
    measure: Measure = field(default="iou", init=False)

    def value(self, rows: Rows | None = None) -> float | None:
        """The mean over pairs of answers."""
        wanted = None if rows is None else set(rows)
        return _mean([each.value for each in self.overlaps if wanted is None or each.row in wanted])

    def per_class(self) -> list[float | None]:
        """The mean over pairs of answers of which one at least has the class."""
        values: dict[int, list[float]] = defaultdict(list)
        for each in self.overlaps:
            for label, value in each.per_class.items():
                values[label].append(value)
        return [_mean(values[label]) for label in range(self.num_classes)]

    def pairs(self) -> Iterator[Pair]:
        """The mean over their common items."""
        values: dict[tuple[int, int], list[float]] = defaultdict(list)
        for each in self.overlaps:
            values[each.first, each.second].append(each.value)
        for (first, second), theirs in sorted(values.items()):
            yield Pair(first, second, _mean(theirs), len(theirs))


def class_votes(answers: Sequence[Mapping[int, Label]], annotators: Sequence[int]) -> NDArray[np.int64]:
    """(N, A) what each annotator said of each item, ``UNLABELLED`` where nothing; without any, one empty column."""
    columns = {annotator: column for column, annotator in enumerate(annotators)}
    votes = np.full((len(answers), max(len(annotators), 1)), UNLABELLED, dtype=np.int64)
    for row, given in enumerate(answers):
        for annotator, label in given.items():
            if isinstance(label, int):
                votes[row, columns[annotator]] = label
    return votes


def compare(
    project: Project,
    answers: Sequence[Mapping[int, Label]],
    sizes: Sequence[tuple[int, int]],
    annotators: Sequence[int],
) -> Agreement:
    """Compare what people said of the same items: objects on the last ``ITEMS`` that two or more labelled.

    Args:
        project: whose items they are.
        answers: for each item, in the order they were labelled, what each annotator said.
        sizes: height and width of each.
        annotators: user ids of all.
    """
    num_classes = len(project.classes)
    if project.kind == "classification":
        return ClassAgreement(class_votes(answers, annotators), annotators, num_classes)
    shared = [row for row, given in enumerate(answers) if len(given) > 1][-ITEMS:]
    overlaps = [
        Overlap(row, first, second, mean_matched_iou(one, other, sizes[row]), _by_class(one, other, sizes[row]))
        for row in shared
        for first, second in combinations(sorted(answers[row]), 2)
        if isinstance(one := answers[row][first], Objects) and isinstance(other := answers[row][second], Objects)
    ]
    return ObjectAgreement(overlaps, num_classes)


def alike(said: Label | None, other: Label | None, project: Project, size: tuple[int, int]) -> bool:
    """Whether two labels of an image of this height and width say the same: objects where they match well enough."""
    if isinstance(said, Objects) and isinstance(other, Objects):
        return mean_matched_iou(said, other, size) >= project.settings.min_iou
    return said == other


def known(value: float) -> float | None:
    """The value, ``None`` where it is NaN.

    >>> known(0.5), known(float("nan"))
    (0.5, None)
    """
    return None if np.isnan(value) else float(value)


def _by_class(one: Objects, other: Objects, size: tuple[int, int]) -> dict[int, float]:
    classes = sorted({*one.labels.tolist(), *other.labels.tolist()} - {UNLABELLED})
    return {label: mean_matched_iou(_only(one, label), _only(other, label), size) for label in classes}


def _only(objects: Objects, label: int) -> Objects:
    return Objects(tuple(each for each in objects if each.label == label))


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
