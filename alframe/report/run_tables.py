"""The tables of any run's page: the headline metric per class, classes queried, champions, time per step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from alframe.report.heat_table import ABSENT, Cell, HeatTable, class_names, shaded, share_table
from alframe.report.metrics import METRICS
from alframe.report.page import duration
from alframe.report.run_folder import RunFolder
from alframe.report.text_table import TextTable
from alframe.types import Label, Objects

NO_LABEL, NO_OBJECT = "no label", "image without objects"


def class_table(run: RunFolder, classes: Sequence[str]) -> HeatTable | None:
    """The headline metric of each class at each number of labels; ``None`` while nothing was evaluated."""
    if not run.points:
        return None
    width = max(len(point.evaluation.by_class) for point in run.points)  # classes may have been added
    by_class = [[*point.evaluation.by_class, *[None] * width][:width] for point in run.points]
    return share_table(
        f"{METRICS[run.metric].of_class} of each class in %, against the number of labels. Stronger colour is better.",
        "class / labels",
        [f"{point.labels}" for point in run.points],
        by_class,
        class_names(classes, width),
    )


def class_balance_table(run: RunFolder, classes: Sequence[str]) -> HeatTable | None:
    """How many samples, or objects, of each class each round brought; ``None`` while nothing was queried."""
    if not run.queries:
        return None
    labels = [[_label(run, sample_id) for sample_id in query.ids] for query in run.queries]
    found = [[kind for label in column for kind in _kinds(label)] for column in labels]
    known = [kind for column in found for kind in column if isinstance(kind, int)]
    names = class_names(classes, max(len(classes), max(known, default=-1) + 1))
    counts = {name: [column.count(label) for column in found] for label, name in enumerate(names)}
    for kind in (NO_OBJECT, NO_LABEL):
        if any(kind in column for column in found):
            counts[kind] = [column.count(kind) for column in found]
    most = max((max(row) for row in counts.values()), default=0)
    rows = tuple(
        (name, (*shaded(row, [str(number) for number in row], 0, most), Cell(str(sum(row)))))
        for name, row in counts.items()
    )
    of_objects = any(isinstance(label, Objects) for column in labels for label in column)
    caption = (
        f"{'Objects in the queried images' if of_objects else 'Queried samples'} per round and class, as they were "
        "labelled. Stronger colour is more."
    )
    return HeatTable(caption, "class / round", (*(f"{query.round}" for query in run.queries), "all"), rows)


def champions_table(run: RunFolder) -> TextTable | None:
    """What the gate decided on each round's learner, and why; ``None`` where it lets everything through."""
    if not run.refused and not any(decision.checks for decision in run.decisions.values()):
        return None
    causes = {round: beginning.cause for round, beginning in run.beginnings.items()}
    rows = tuple(
        (f"{at}", causes.get(at, ABSENT), said.verdict, "yes" if said.promoted else "no", said.reason)
        for at, said in run.decisions.items()
    )
    return TextTable("Champions", ("round", "cause", "verdict", "promoted", "reason"), rows)


def time_table(run: RunFolder) -> HeatTable | None:
    """Time of each step in each round; ``None`` while no step is finished."""
    if not run.journal:
        return None
    rounds = sorted({entry.round for entry in run.journal})
    steps = list(dict.fromkeys(entry.step for entry in run.journal))
    seconds = np.full((len(steps), len(rounds)), np.nan)
    for entry in run.journal:
        seconds[steps.index(entry.step), rounds.index(entry.round)] = entry.seconds
    totals = np.nansum(seconds, axis=1)
    share = totals / max(totals.sum(), 1e-9)
    longest = float(np.nanmax(seconds))
    rows = tuple(
        (
            step,
            (
                Cell(duration(float(totals[i])), round(float(share[i]), 3)),
                Cell(f"{share[i] * 100:.0f} %", round(float(share[i]), 3)),
                *shaded(
                    seconds[i],
                    [ABSENT if np.isnan(s) else duration(float(s)) for s in seconds[i]],
                    0,
                    longest,
                ),
            ),
        )
        for i, step in enumerate(steps)
    )
    columns = ("all rounds", "share", *(str(round) for round in rounds))
    return HeatTable(
        "Time of each step, in all and in each round. Stronger colour is longer.",
        "step / round",
        columns,
        rows,
    )


def _label(run: RunFolder, sample_id: str) -> Label | None:
    annotation = run.annotations.get(sample_id)
    return None if annotation is None else annotation.label


def _kinds(label: Label | None) -> list[int | str]:
    """What a label counts for: its class, or the class of each of its objects."""
    if label is None:
        return [NO_LABEL]
    if isinstance(label, Objects):
        return [*label.labels.tolist()] or [NO_OBJECT]
    return [label]
