"""The tables of a run's page: accuracy per class, classes queried, time per step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from alframe.report.heat_table import ABSENT, Cell, HeatTable, accuracy_table, class_names, shaded
from alframe.report.page import duration
from alframe.report.run_folder import RunFolder


def class_accuracy_table(run: RunFolder, classes: Sequence[str]) -> HeatTable | None:
    """Accuracy of each class at each number of labels; ``None`` while nothing was evaluated."""
    if not run.points:
        return None
    return accuracy_table(
        "Accuracy of each class in %, against the number of labels. Stronger colour is better.",
        "class / labels",
        [f"{point.labels}" for point in run.points],
        [point.evaluation.class_accuracy for point in run.points],
        classes,
    )


def class_balance_table(run: RunFolder, classes: Sequence[str]) -> HeatTable | None:
    """How many samples of each class each round brought; ``None`` while nothing was queried."""
    if not run.queries:
        return None
    labels = [[_label(run, sample_id) for sample_id in query.ids] for query in run.queries]
    known = [label for column in labels for label in column if label is not None]
    names = class_names(classes, max(len(classes), max(known, default=-1) + 1))
    kinds: list[tuple[int | None, str]] = [*enumerate(names), (None, "no label")]
    counts = {name: [column.count(kind) for column in labels] for kind, name in kinds}
    if not any(counts["no label"]):
        del counts["no label"]
    most = max(max(row) for row in counts.values())
    rows = tuple(
        (name, (*shaded(row, [str(number) for number in row], 0, most), Cell(str(sum(row)))))
        for name, row in counts.items()
    )
    caption = "Queried samples per round and class, as they were labelled. Stronger colour is more."
    return HeatTable(caption, "class / round", (*(f"{query.round}" for query in run.queries), "all"), rows)


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


def _label(run: RunFolder, sample_id: str) -> int | None:
    annotation = run.annotations.get(sample_id)
    return None if annotation is None else annotation.label
