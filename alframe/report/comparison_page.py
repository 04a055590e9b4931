"""A comparison written down: tidy CSV files, a picture, and one self-contained page."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import astuple, replace
from pathlib import Path

from alframe.functional.comparison import mean_and_half_width
from alframe.report.comparison import Comparison
from alframe.report.comparison_tables import pair_table, penalty_table, summary_table
from alframe.report.figures import RULE, Dash, Line, chart, save_png, styles, svg
from alframe.report.headline import headline
from alframe.report.heat_table import HeatTable, class_names, share_table
from alframe.report.page import count, write_page
from alframe.report.results import Result
from alframe.storage import whole_file


def write_comparison(comparison: Comparison, folder: Path) -> Path:
    """Write compare.csv, summary.csv, pairs.csv, compare.png and report.html to ``folder``; return the page's path.

    Every file is whole or absent, and the same comparison gives the same files.

    Args:
        comparison: what to write.
        folder: made if it is not there.
    """
    _write_csv(folder / "compare.csv", _points(comparison))
    _write_csv(folder / "summary.csv", _summary(comparison))
    _write_csv(folder / "pairs.csv", _pairs(comparison))
    lines = _lines(comparison)
    metric = comparison.metric
    save_png(chart(lines, metric.title, share=metric.share, size=(8.2, 4.6)), folder / "compare.png")
    pairs = pair_table(comparison) if comparison.pairs else None
    page = folder / "report.html"
    write_page(
        page,
        "comparison",
        title=f"Strategies on {comparison.data}",
        headline=headline(comparison),
        scope=_scope(comparison),
        notes=comparison.notes,
        figure=svg(
            chart(lines, metric.title, share=metric.share, size=(8.2, 4.3)),
            "curves",
            f"The {metric.mean} of each strategy against the number of labels; the numbers are in compare.csv.",
        ),
        unnamed=len(comparison.results) - len(comparison.outstanding),
        bands=not comparison.crowded and any(len(result.seeds) > 1 for result in comparison.results),
        summary=summary_table(comparison),
        pairs=pairs,
        penalties=penalty_table(comparison),
        of_class=metric.of_class,
        by_class=_by_class(comparison),
        runs=[(result.label, run) for result in comparison.results for run in result.group.runs],
    )
    return page


def _points(comparison: Comparison) -> Iterable[Sequence[object]]:
    yield ["strategy", "seed", "labels", *comparison.metrics]
    for result in comparison.results:
        for run in result.group.runs:
            for point in run.points:
                yield [result.label, run.seed, point.labels, *point.evaluation.metrics.values()]


def _summary(comparison: Comparison) -> Iterable[Sequence[object]]:
    targets = [f"{reach.target:g}" for reach in comparison.results[0].reaches]
    per_target = [f"{column}_{target}" for target in targets for column in ("labels_to", "seeds_reaching", "saving_at")]
    final_name = f"final_{comparison.metrics[0]}"
    measures = ["area", "area_half_width", "final_labels", final_name, f"{final_name}_half_width"]
    retained = [name + part for name in ("average_forgetting", "backward_transfer") for part in ("", "_half_width")]
    yield ["strategy", "seeds", *measures, *per_target, *(retained if comparison.retains else ())]
    for result in comparison.results:
        area, final = mean_and_half_width(result.area), mean_and_half_width(result.final)
        reaches = [(reach.mean_labels, reach.reached, reach.saving) for reach in result.reaches]
        yield [
            result.label,
            len(result.seeds),
            *map(float, area),
            comparison.labels[-1],
            *map(float, final),
            *(value for reach in reaches for value in reach),
            *(float(part) for of in result.retained.T if comparison.retains for part in mean_and_half_width(of)),
        ]


def _write_csv(path: Path, rows: Iterable[Sequence[object]]) -> None:
    """Write rows, whole; what is not known is an empty field."""
    with whole_file(path) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["" if _unknown(value) else value for value in row] for row in rows])


def _unknown(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _pairs(comparison: Comparison) -> Iterable[Sequence[object]]:
    yield ["first", "second", "seeds", "difference", "p_value", "adjusted_p_value"]
    for pair in comparison.pairs:
        yield ["" if value is None else value for value in astuple(pair)]


def _lines(comparison: Comparison) -> list[Line]:
    """A line and a band for each strategy; in a crowd no bands, and names and colours for the outstanding alone."""
    look = styles(sorted(result.label for result in comparison.outstanding))
    others = [result for result in comparison.results if result not in comparison.outstanding]
    behind = [Line("", result.labels, result.values.mean(axis=0), RULE) for result in others]
    lines = [_line(result, *look[result.label]) for result in comparison.outstanding]
    return [*behind, *(replace(line, half_width=None) for line in lines)] if comparison.crowded else lines


def _line(result: Result, colour: str, dash: Dash) -> Line:
    mean, half_width = mean_and_half_width(result.values)
    return Line(result.label, result.labels, mean, colour, dash, half_width)


def _scope(comparison: Comparison) -> str:
    runs = sum(len(result.seeds) for result in comparison.results)
    strategies = len(comparison.results)
    return (
        f"{count(runs, 'run')}, {strategies} {'strategies' if strategies > 1 else 'strategy'}, "
        f"compared between {comparison.labels[0]} and {comparison.labels[-1]} labels"
    )


def _by_class(comparison: Comparison) -> HeatTable:
    """The headline metric per class of each strategy at the largest shared number of labels, mean over seeds."""
    final = comparison.labels[-1]
    columns = []
    for result in comparison.results:
        runs = [point.evaluation.by_class for run in result.group.runs for point in run.points if point.labels == final]
        columns.append([_mean(of_class) for of_class in zip(*runs, strict=True)])
    names = [result.label for result in comparison.results]
    caption = f"In % with {final} labels, mean over seeds. Stronger colour is better."
    classes = class_names(comparison.results[0].group.runs[0].classes, len(columns[0]))
    return share_table(caption, "class", names, columns, classes)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
