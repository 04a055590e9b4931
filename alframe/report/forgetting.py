"""What the learners of a run kept of what they had learned, slice by slice: as a table, as CSV, as two measures."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from alframe.functional import average_forgetting, backward_transfer
from alframe.report.heat_table import ABSENT, Cell, HeatTable, class_names, share_table
from alframe.report.metrics import METRICS
from alframe.report.run_folder import RunFolder
from alframe.storage import whole_file
from alframe.types import CurvePoint, Floats, Objects, Positions


@dataclass(frozen=True, eq=False)
class Retention:
    """The headline metric of each round's learner on each slice of the test samples.

    Attributes:
        points: (R,) the learning curve, by round.
        slices: (S,) names in the order in which they were learned: the groups of the source if there are two or more,
            else the classes.
        of_groups: whether they are groups.
        values: (R, S) the metric, NaN where it is not known.
        first: (S,) the row of the first round with a label of the slice; R where there is none.
    """

    points: tuple[CurvePoint, ...]
    slices: tuple[str, ...]
    of_groups: bool
    values: Floats
    first: Positions

    @classmethod
    def of(cls, run: RunFolder) -> Retention:
        """The retention of a run, as far as it got."""
        points = tuple(sorted(run.points, key=lambda point: point.round))
        names = sorted({name for point in points for name in point.evaluation.slices})
        if of_groups := len(names) >= 2:
            measured = [point.evaluation.slices for point in points]
            known = [set(point.groups) for point in points]
        else:
            names = class_names(run.classes, max((len(point.evaluation.by_class) for point in points), default=0))
            measured = [dict(zip(names, point.evaluation.by_class, strict=False)) for point in points]
            asked = _first_asked(run)
            known = [{name for c, name in enumerate(names) if asked.get(c, np.inf) <= at.round} for at in points]
        first = np.array([[*(name in each for each in known), True].index(True) for name in names], dtype=np.int64)
        values = np.array([[each.get(name) for name in names] for each in measured], dtype=np.float64)
        order = np.argsort(first, kind="stable")
        slices = tuple(names[at] for at in order)
        return cls(points, slices, of_groups, values.reshape(len(points), len(names))[:, order], first[order])

    @property
    def forgetting(self) -> Floats:
        """(R,) average forgetting after each round; NaN before anything could be forgotten."""
        return np.array([average_forgetting(self.values[: row + 1], self.first) for row in range(len(self.points))])

    @property
    def transfer(self) -> Floats:
        """(R,) backward transfer of each round; NaN before anything could be transferred."""
        return np.array([backward_transfer(self.values[: row + 1], self.first) for row in range(len(self.points))])


def forgetting_section(run: RunFolder) -> tuple[str, HeatTable] | None:
    """Title and table: the metric of each group in each round, below it forgetting and backward transfer.

    Of a source without groups the two measures alone, since another table has its classes; ``None`` if there is nothing
    to say of either.
    """
    kept = Retention.of(run)
    rounds = tuple(str(point.round) for point in kept.points)
    measures = _measures(kept)
    if not kept.of_groups:
        caption = (
            "Over the classes, in points, after each round. Forgetting is how far a class lies below its best earlier "
            "round, transfer how far above the first that had a label of it; both are means over the classes learned "
            "before."
        )
        return ("Forgetting", HeatTable(caption, "measure / round", rounds, measures)) if measures else None
    caption = (
        f"The {METRICS[run.metric].name} among the test samples of each group, in %, after each round; framed is the "
        "first with a label of the group. Stronger colour is better."
    )
    if measures:
        caption += (
            " Forgetting is how far a group lies below its best earlier round, transfer how far above the framed one; "
            "both are means in points over the groups learned before."
        )
    table = share_table(caption, "group / round", rounds, kept.values.tolist(), kept.slices)
    rows = tuple(
        (name, tuple(replace(cell, framed=row == first) for row, cell in enumerate(cells)))
        for (name, cells), first in zip(table.rows, kept.first.tolist(), strict=True)
    )
    return "Forgetting" if measures else "By group", replace(table, rows=(*rows, *measures))


def write_forgetting_csv(run: RunFolder) -> Path:
    """Write forgetting.csv to the run's folder: one row per round.

    Columns are round, labels, the headline metric of each slice, and the two measures, in [-1, 1]; what is not known is
    an empty field.
    """
    kept, path = Retention.of(run), run.path / "forgetting.csv"
    with whole_file(path) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["round", "labels", *kept.slices, "average_forgetting", "backward_transfer"])
        for point, *row in zip(kept.points, kept.values, kept.forgetting, kept.transfer, strict=True):
            numbers = np.hstack(row).tolist()
            rows.writerow([point.round, point.labels, *("" if np.isnan(number) else number for number in numbers)])
    return path


def _measures(kept: Retention) -> tuple[tuple[str, tuple[Cell, ...]], ...]:
    """The rows of the two measures; none where neither is known."""
    if np.isnan(kept.forgetting).all() and np.isnan(kept.transfer).all():
        return ()
    return (
        ("average forgetting", tuple(Cell(_points(value, "")) for value in kept.forgetting)),
        ("backward transfer", tuple(Cell(_points(value, "+")) for value in kept.transfer)),
    )


def _points(value: float, sign: str) -> str:
    return ABSENT if np.isnan(value) else f"{value * 100:{sign}.1f}"


def _first_asked(run: RunFolder) -> dict[int, int]:
    """The first round that brought a label of each class."""
    asked: dict[int, int] = {}
    for annotation in run.annotations.values():
        label = annotation.label
        for each in label.labels.tolist() if isinstance(label, Objects) else [label]:
            if each is not None:
                asked[each] = min(annotation.round, asked.get(each, annotation.round))
    return asked
