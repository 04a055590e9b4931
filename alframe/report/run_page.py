"""The report of one run: its learning curve as CSV and picture, and a page that shows all of it."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import yaml
from markupsafe import Markup
from matplotlib.figure import Figure

from alframe.data.source import Source
from alframe.functional.learning_curve import area_under_curve, labels_needed
from alframe.report.contact_sheet import contact_sheets, worst_tiles
from alframe.report.figures import Line, chart, draw, save_png, svg
from alframe.report.forgetting import forgetting_section, write_forgetting_csv
from alframe.report.heat_table import class_names
from alframe.report.metrics import METRICS, TARGETS
from alframe.report.object_tables import object_tables
from alframe.report.page import count, duration, percent, write_page
from alframe.report.people import people_section
from alframe.report.pictures import class_colour
from alframe.report.reliability import describe, reliability_diagram
from alframe.report.run_folder import RunFolder
from alframe.report.run_tables import champions_table, class_balance_table, class_table, time_table
from alframe.storage import whole_file
from alframe.types import Classification, Detection, Evaluation


def write_run_report(folder: Path, source: Source) -> Path:
    """Write curve.csv, forgetting.csv, curve.png and report.html into a run's folder and return the page's path.

    Every file is whole or absent, and the same run gives the same files. A run that is not finished is shown
    as far as it got; there is no curve.png before the first evaluation.

    Args:
        folder: of the run.
        source: where the queried images and the names of the classes come from.

    Raises:
        DataError: ``folder`` is not the folder of a run.
        RunConflict: a file in it does not hold what it should.
    """
    run = RunFolder.load(folder)
    write_curve_csv(run, source.classes)
    write_forgetting_csv(run)
    lines = {name: [_line(run, name)] for name in _metrics(run)}
    if lines:
        _write_curve_png(folder / "curve.png", lines)
    page = folder / "report.html"
    write_page(
        page,
        "run",
        title=f"{run.choices['strategy']} on {run.choices['data']}",
        run=run,
        summary=_summary(run),
        figures=_key_figures(run),
        charts=[
            svg(
                chart(line, METRICS[name].title, share=METRICS[name].share),
                name,
                f"{METRICS[name].title} against the number of labels; the numbers are in curve.csv.",
            )
            for name, line in lines.items()
        ],
        reliability=_reliability(run),
        metric=METRICS.get(run.metric),
        reached=[
            (target, labels_needed(*run.curve, target))
            for point in run.points[-1:]
            for target in TARGETS[point.evaluation.task]
        ],
        champions=champions_table(run),
        by_class=class_table(run, source.classes),
        class_balance=class_balance_table(run, source.classes),
        forgetting=forgetting_section(run),
        people=people_section(run, source),
        inspection=object_tables(run, source.classes),
        worst=worst_tiles(run, source),
        times=time_table(run),
        sheets=contact_sheets(run, source),
        boxes=run.task != "segmentation",
        of_objects=source.table.has_objects,
        colours=[(name, class_colour(label)) for label, name in enumerate(source.classes)],
        config=yaml.safe_dump(dict(run.config), sort_keys=False, allow_unicode=True),
    )
    return page


def write_curve_csv(run: RunFolder, classes: Sequence[str] = ()) -> Path:
    """Write the learning curve to curve.csv in the run's folder: one row per round, one column per metric.

    Columns are round, labels, the metrics, and the first of them for each class, as ``accuracy[NAME]``, ``ap50[NAME]``
    or ``iou[NAME]``; classes without a name are numbered. A class without test samples has an empty field.
    """
    path = run.path / "curve.csv"
    metrics, width = _metrics(run), max((len(point.evaluation.by_class) for point in run.points), default=0)
    by_class = [f"{METRICS[run.metric].of_class.lower()}[{name}]" for name in class_names(classes, width)]
    with whole_file(path) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["round", "labels", *metrics, *by_class])
        for point in run.points:
            scores = [point.evaluation.metrics[name] for name in metrics]
            rows.writerow([point.round, point.labels, *scores, *point.evaluation.by_class])
    return path


def _write_curve_png(path: Path, lines: dict[str, list[Line]]) -> None:
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    for axes, (name, line) in zip(figure.subplots(1, len(lines)), lines.items(), strict=True):
        draw(axes, line, METRICS[name].title, share=METRICS[name].share)
    save_png(figure, path)


def _line(run: RunFolder, metric: str) -> Line:
    return Line(
        name="",
        labels=[point.labels for point in run.points],
        values=np.array([point.evaluation.metrics[metric] for point in run.points]),
        hollow=[place for place, point in enumerate(run.points) if point.round in run.refused],
    )


def _metrics(run: RunFolder) -> list[str]:
    """What was measured, the headline metric first; nothing while nothing was evaluated."""
    return [name for point in run.points[-1:] for name in point.evaluation.metrics]


def _reliability(run: RunFolder) -> tuple[Markup, str] | None:
    """The diagram of the last learner and its caption; ``None`` while no classifier was evaluated."""
    evaluation = run.points[-1].evaluation if run.points else None
    if not isinstance(evaluation, Classification):
        return None
    said = describe(evaluation, run.points[-1].labels)
    return svg(reliability_diagram(evaluation), "reliability", f"Accuracy against confidence. {said}"), said


def _summary(run: RunFolder) -> str:
    """One sentence that says what the run has shown."""
    if not run.points:
        return "No model has been evaluated yet."
    labels, values = run.curve
    return (
        f"The {METRICS[run.metric].name} went from {percent(values[0])} with {count(labels[0], 'label')} "
        f"to {percent(values[-1])} with {labels[-1]:,}."
    )


def _key_figures(run: RunFolder) -> list[tuple[str, str]]:
    time = ("time", duration(sum(entry.seconds for entry in run.journal)))
    if not run.points:
        return [time]
    last = run.points[-1]
    measured = [
        (METRICS[name].name, percent(value) if METRICS[name].share else f"{value:.3f}")
        for name, value in last.evaluation.metrics.items()
    ]
    figures = [measured[0], ("labels", f"{last.labels:,}"), *measured[1:], *_at_alarms(last.evaluation), time]
    if len(run.points) > 1:
        over_curve = f"{METRICS[run.metric].mean} over the curve"
        figures.insert(1, (over_curve, percent(area_under_curve(*run.curve))))
    return figures


def _at_alarms(evaluation: Evaluation) -> list[tuple[str, str]]:
    """Of a detector, how many images with a defect it finds at its rate of false alarms, and at which score."""
    if not isinstance(evaluation, Detection) or evaluation.found is None or evaluation.alarm_score is None:
        return []
    alarms, score = percent(evaluation.false_alarms, 0), f"{evaluation.alarm_score:.3g}"
    name = f"images with objects found, at {alarms} false alarms and a score above {score}"
    return [(name, percent(evaluation.found))]
