"""A source, and what arrived after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from alframe.arrivals.arrivals import Arrivals, Arrived
from alframe.arrivals.reports import Reported
from alframe.data import Image, Source
from alframe.data.files import FileSource
from alframe.errors import RunConflict
from alframe.types import UNLABELLED, SampleTable, label_array

ARRIVED = "arrived"
"""The slice of what arrived without one."""


class WithArrivals(Source):
    """The samples of ``base``, at the positions that they have there, and after them those that arrived, in order.

    None of these is held out. The classes are those of ``base`` and then ``new_classes``. An arrival has the label that
    was given last, and any sample the largest weight of its evidence; labels of ``base`` stand, because by them was
    drawn what is held out.

    Args:
        base: what a run began with.
        arrived: what came since.
        folder: the run's, which their files lie in.
        new_classes: names of classes that were appended.
        reports: what was said of samples, in its order.

    Raises:
        RunConflict: an arrival has the id of another sample, or a class that there is not.
    """

    def __init__(
        self,
        base: Source,
        arrived: list[Arrived],
        folder: Path,
        new_classes: tuple[str, ...] = (),
        reports: Sequence[Reported] = (),
    ) -> None:
        self.name = base.name
        self.classes = (*base.classes, *new_classes)
        self.has_masks = base.has_masks
        self._base = base
        labels = {each.sample_id: each.label for each in reports if each.label is not None}
        after = _table(arrived, labels, has_objects=base.table.has_objects)
        if twice := set(base.table.ids.tolist()).intersection(after.ids.tolist()):
            raise RunConflict(f"the data source {base.name} has a sample {min(twice)}, which is the name of an arrival")
        if any(label >= len(self.classes) for label in labels.values()):
            raise RunConflict(
                f"an arrival has a label beyond the {len(self.classes)} classes that are known: "
                f"restore the list of new classes in {folder / 'arrivals'}"
            )
        self._after = FileSource(base.name, self.classes, folder, after, np.array([each.file for each in arrived]))
        self.table = _joined(base.table, after, reports)

    def read(self, position: int, side: int | None = None) -> Image:
        """Decode the image in row ``position``, wherever it lies."""
        source, row = self._place(position)
        return source.read(row, side)

    def content_hash(self, position: int) -> str:
        """SHA-256 of what is stored for row ``position``; of an arrival, of its file."""
        source, row = self._place(position)
        return source.content_hash(row)

    def _place(self, position: int) -> tuple[Source, int]:
        first = len(self._base.table)
        return (self._base, position) if position < first else (self._after, position - first)


def with_arrivals(
    base: Source, arrivals: Arrivals, *, samples: int | None = None, classes: int | None = None
) -> Source:
    """``base`` and what arrived after it; ``base`` itself where that is nothing, and nothing was said of its samples.

    What was said of the samples that there are counts at once, however few samples and classes are wanted.

    Args:
        base: what a run began with.
        arrivals: of that run.
        samples: how many samples there are in all; as many as there are by now if ``None``.
        classes: how many classes there are in all; as many as there are by now if ``None``. What was said of others is
            passed over.
    """
    arrived = arrivals.rows(None if samples is None else samples - len(base.table))
    names = {*base.table.ids.tolist(), *(each.sample_id for each in arrived)}
    reports = [
        each
        for each in arrivals.reports()
        if each.sample_id in names and (classes is None or each.label is None or each.label < classes)
    ]
    # Read after them, so that no class of theirs is missing.
    new_classes = arrivals.new_classes()[: None if classes is None else classes - len(base.classes)]
    if not (arrived or new_classes or reports):
        return base
    return WithArrivals(base, arrived, arrivals.folder, new_classes, reports)


def _table(arrived: list[Arrived], known: Mapping[str, int], *, has_objects: bool) -> SampleTable:
    labels = [known.get(each.sample_id, UNLABELLED) for each in arrived]
    return SampleTable(
        ids=np.array([each.sample_id for each in arrived], dtype=np.str_),
        labels=label_array([None] * len(arrived)) if has_objects else np.array(labels, dtype=np.int64),
        held_out=np.zeros(len(arrived), dtype=np.bool_),
        groups=np.array([each.group or ARRIVED for each in arrived], dtype=np.str_),
        costs=np.array([each.cost for each in arrived], dtype=np.float64),
        evidence=np.zeros(len(arrived)),
    )


def _joined(first: SampleTable, then: SampleTable, reports: Sequence[Reported]) -> SampleTable:
    columns = {**vars(first), "evidence": np.zeros(len(first)) if first.evidence is None else first.evidence}
    joined = {name: np.concatenate([column, vars(then)[name]]) for name, column in columns.items()}
    rows, weights = {name: row for row, name in enumerate(joined["ids"].tolist())}, joined["evidence"]
    for each in reports:
        row = rows[each.sample_id]
        weights[row] = max(weights[row], each.evidence.weight)
    return SampleTable(**joined)
