"""A comparison as tables, for the terminal and for the page."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from alframe.functional.comparison import mean_and_half_width
from alframe.report.comparison import Comparison
from alframe.report.heat_table import ABSENT, HeatTable, shaded
from alframe.report.results import Reach
from alframe.report.text_table import TextTable

HEADING = 12
"""Headings over numbers are wrapped to so many characters, or to those of the numbers, so that names have the rest."""


def summary_table(comparison: Comparison) -> TextTable:
    """Every strategy: area, final value, labels to each target with the saving against random."""
    targets = [reach.target for reach in comparison.results[0].reaches]
    columns = (
        "strategy",
        "seeds",
        f"{comparison.metric.mean} over the curve (%)",
        f"{comparison.metric.name} with {comparison.labels[-1]} labels (%)",
        *(f"labels to {target * 100:g} %" for target in targets),
        *(("average forgetting (points)", "backward transfer (points)") if comparison.retains else ()),
    )
    rows = tuple(
        (
            result.label,
            str(len(result.seeds)),
            spread(result.area),
            spread(result.final),
            *(reach_text(reach) for reach in result.reaches),
            *(spread(values) for values in result.retained.T if comparison.retains),
        )
        for result in comparison.results
    )
    return TextTable("Strategies, the best first; in brackets the change against random", columns, rows)


def pair_table(comparison: Comparison) -> TextTable:
    """Every pair, or in a crowd every pair with random choice (or the best): difference in area, p-values."""
    pairs, title = comparison.pairs, f"Pair by pair: {comparison.metric.mean} over the curve"
    if comparison.crowded:
        anchor = next((r.label for r in comparison.results if r.group.baseline is None), comparison.results[0].label)
        pairs = tuple(pair for pair in pairs if anchor in (pair.first, pair.second))
        title = f"Pair by pair with {anchor}: {comparison.metric.mean} over the curve; the others are in pairs.csv"
    rows = tuple(
        (
            f"{pair.first} against {pair.second}",
            str(pair.seeds),
            ABSENT if pair.difference is None else f"{pair.difference * 100:+.2f}",
            ABSENT if pair.p_value is None else p_text(pair.p_value),
            "too few seeds" if pair.adjusted is None else p_text(pair.adjusted),
        )
        for pair in pairs
    )
    columns = ("pair", "common seeds", "difference (points)", "p", "adjusted p")
    return TextTable(title, columns, rows)


def penalty_table(comparison: Comparison) -> HeatTable | None:
    """The penalty matrix, and below it the mean of each column over the other strategies."""
    if comparison.penalties is None:
        return None
    names = tuple(result.label for result in comparison.results)
    others = ~np.eye(len(names), dtype=bool)
    rows = [
        (name, shaded(row, [ABSENT if i == j else f"{value:.2f}" for j, value in enumerate(row)], 0, 1))
        for i, (name, row) in enumerate(zip(names, comparison.penalties, strict=True))
    ]
    beaten = [float(column[mask].mean()) for column, mask in zip(comparison.penalties.T, others, strict=True)]
    rows.append(("is beaten (mean)", shaded(beaten, [f"{value:.2f}" for value in beaten], 0, 1)))
    caption = "Share of the numbers of labels at which the row beats the column. Low columns are good strategies."
    return HeatTable(caption, "row beats column", names, tuple(rows))


def comparison_tables(comparison: Comparison) -> list[Table]:
    """The comparison as tables for a terminal; of a crowd, what fits there."""
    tables = [summary_table(comparison)]
    if comparison.pairs:
        tables.append(pair_table(comparison))
    heat = None if comparison.crowded else penalty_table(comparison)
    if heat is not None:
        rows = tuple((name, *(cell.text for cell in cells)) for name, cells in heat.rows)
        tables.append(TextTable(heat.caption, (heat.corner, *heat.columns), rows))
    return [_rich(table) for table in tables]


def spread(values: ArrayLike) -> str:
    """Mean and half width of its 95 % confidence interval, in %.

    >>> spread([0.90, 0.92, 0.94]), spread([0.9])
    ('92.0 ± 5.0', '90.0')
    """
    mean, half_width = mean_and_half_width(values)
    return f"{mean * 100:.1f}" + ("" if np.isnan(half_width) else f" ± {half_width * 100:.1f}")


def reach_text(reach: Reach) -> str:
    """Mean labels to a target and their change against random, or how many seeds reached it.

    >>> reach_text(Reach(0.9, (100, 120), saving=0.46)), reach_text(Reach(0.9, (100, None), saving=None))
    ('110 (-46 %)', '1 of 2 seeds')
    """
    if reach.mean_labels is None:
        return f"{reach.reached} of {len(reach.labels)} seeds" if reach.reached else "not reached"
    return f"{reach.mean_labels:.0f}" + ("" if reach.saving is None else f" ({-reach.saving * 100:+.0f} %)")


def p_text(p_value: float) -> str:
    """A p-value, short.

    >>> p_text(0.0341), p_text(1e-7)
    ('0.034', '< 0.001')
    """
    return f"{p_value:.3f}" if p_value >= 0.001 else "< 0.001"


def _rich(table: TextTable) -> Table:
    """Where there is little room, names are folded and headings wrapped, and no number is cut."""
    shown = Table(title=Text(table.title), title_justify="left", header_style="bold", box=SIMPLE_HEAD)
    for index, (heading, *cells) in enumerate(zip(table.columns, *table.rows, strict=True)):
        shown.add_column(
            Text(heading),
            justify="right" if index else "left",
            overflow="fold",
            min_width=max(cell_len(word) for cell in cells for word in cell.split()) if index else None,
            max_width=max(HEADING, *map(cell_len, cells)) if index else None,
        )
    for row in table.rows:
        shown.add_row(*(Text(cell) for cell in row))
    return shown
