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
from alframe.report.comparison import TARGETS
from alframe.report.contact_sheet import contact_sheets
from alframe.report.figures import Line, chart, draw, save_png, svg
from alframe.report.heat_table import class_names
from alframe.report.page import count, duration, percent, write_page
from alframe.report.reliability import describe, reliability_diagram
from alframe.report.run_folder import RunFolder
from alframe.report.run_tables import class_accuracy_table, class_balance_table, time_table
from alframe.storage import whole_file

METRICS = {
    "accuracy": "Accuracy on the test set",
    "nll": "Negative log-likelihood (nats)",
    "calibration_error": "Calibration error",
}
SHARES = frozenset({"accuracy", "calibration_error"})


def write_run_report(folder: Path, source: Source) -> Path:
    """Write curve.csv, curve.png and report.html into a run's folder and return the page's path.

    Every file is whole or absent, and the same run gives the same files. A run that is not finished is shown
    as far as it got.

    Args:
        folder: of the run.
        source: where the queried images and the names of the classes come from.

    Raises:
        DataError: ``folder`` is not the folder of a run.
        RunConflict: a file in it does not hold what it should.
    """
    run = RunFolder.load(folder)
    write_curve_csv(run, source.classes)
    lines = {metric: [_line(run, metric)] for metric in METRICS if run.points}
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
                chart(lines[metric], title, share=metric in SHARES),
                metric,
                f"{title} against the number of labels; the numbers are in curve.csv.",
            )
            for metric, title in METRICS.items()
            if metric in lines
        ],
        reliability=_reliability(run),
        reached=[(target, labels_needed(*_curve(run), target)) for target in TARGETS if run.points],
        class_accuracy=class_accuracy_table(run, source.classes),
        class_balance=class_balance_table(run, source.classes),
        times=time_table(run),
        sheets=contact_sheets(run, source),
        config=yaml.safe_dump(dict(run.config), sort_keys=False, allow_unicode=True),
    )
    return page


def write_curve_csv(run: RunFolder, classes: Sequence[str] = ()) -> Path:
    """Write the learning curve to curve.csv in the run's folder: one row per round, one column per metric.

    Columns are round, labels, accuracy, nll, calibration_error, and ``accuracy[NAME]`` for each class;
    classes without a name are numbered. A class without test samples has an empty field.
    """
    path = run.path / "curve.csv"
    width = max((len(point.evaluation.class_accuracy) for point in run.points), default=len(classes))
    with whole_file(path) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["round", "labels", *METRICS, *(f"accuracy[{name}]" for name in class_names(classes, width))])
        for point in run.points:
            scores = [getattr(point.evaluation, metric) for metric in METRICS]
            rows.writerow([point.round, point.labels, *scores, *point.evaluation.class_accuracy])
    return path


def _write_curve_png(path: Path, lines: dict[str, list[Line]]) -> None:
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    for axes, (metric, title) in zip(figure.subplots(1, len(METRICS)), METRICS.items(), strict=True):
        draw(axes, lines.get(metric, []), title, share=metric in SHARES)
    save_png(figure, path)


def _line(run: RunFolder, metric: str) -> Line:
    return Line(
        name="",
        labels=[point.labels for point in run.points],
        values=np.array([getattr(point.evaluation, metric) for point in run.points]),
    )


def _curve(run: RunFolder) -> tuple[list[int], list[float]]:
    return [point.labels for point in run.points], [point.evaluation.accuracy for point in run.points]


def _reliability(run: RunFolder) -> tuple[Markup, str] | None:
    """The diagram of the last learner and its caption; ``None`` while nothing was evaluated."""
    if not run.points:
        return None
    diagram = reliability_diagram(run.points[-1].evaluation)
    said = describe(run.points[-1])
    return svg(diagram, "reliability", f"Accuracy against confidence. {said}"), said


def _summary(run: RunFolder) -> str:
    """One sentence that says what the run has shown."""
    if not run.points:
        return "No model has been evaluated yet."
    first, last = run.points[0], run.points[-1]
    return (
        f"Accuracy went from {percent(first.evaluation.accuracy)} with {count(first.labels, 'label')} "
        f"to {percent(last.evaluation.accuracy)} with {last.labels:,}."
    )


def _key_figures(run: RunFolder) -> list[tuple[str, str]]:
    figures = [("time", duration(sum(entry.seconds for entry in run.journal)))]
    if not run.points:
        return figures
    last = run.points[-1]
    figures = [
        ("accuracy", percent(last.evaluation.accuracy)),
        ("labels", f"{last.labels:,}"),
        ("negative log-likelihood", f"{last.evaluation.nll:.3f}"),
        ("calibration error", percent(last.evaluation.calibration_error)),
        *figures,
    ]
    if len(run.points) > 1:
        figures.insert(1, ("mean accuracy over the curve", percent(area_under_curve(*_curve(run)))))
    return figures
