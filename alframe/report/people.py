"""Who was asked about and who was left out: a run's labels by people, group by group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure

from alframe.data.source import Source
from alframe.report.figures import PALETTE, PERCENT, RULE, svg
from alframe.report.heat_table import ABSENT, Cell, HeatTable, shaded
from alframe.report.metrics import METRICS
from alframe.report.page import count
from alframe.report.run_folder import RunFolder
from alframe.types import SettledLabel

WHOLE = "all"
ROW_HEIGHT, WIDTH = 0.4, 6.0
"""Inches."""


def people_section(run: RunFolder, source: Source) -> tuple[HeatTable, Markup, str] | None:
    """A table and a picture of each group, and in a sentence how labels came to hold; ``None`` if nobody was asked.

    Of each group: images that may be queried, the shares of them that were asked about and that have a label, how far
    people agreed, and how often, or how much, the last model is wrong on test images.
    """
    settled = {each.sample_id: each for batch in run.settled.values() for each in batch.labels}
    if not run.settled:
        return None
    table = source.table
    pool = ~table.held_out
    asked = np.isin(table.ids, [name for query in run.queries for name in query.ids]) & pool
    labelled = np.isin(table.ids, [name for name, said in run.annotations.items() if said.label is not None]) & pool
    names = sorted(set(table.groups[pool].tolist()) - {""})
    slices = run.points[-1].evaluation.slices if run.points else {}
    rows, shares = [], []
    for name in (*names, WHOLE):
        members = pool if name == WHOLE else pool & (table.groups == name)
        images = int(members.sum())
        share = [float(which[members].mean()) if images else 0.0 for which in (asked, labelled)]
        score = run.curve[1][-1] if name == WHOLE and run.points else slices.get(name)
        error = np.nan if score is None else 1 - score
        agreement = _agreement([settled[each] for each in table.ids[members].tolist() if each in settled])
        values = [*share, agreement, error]
        texts = [ABSENT if np.isnan(value) else f"{value * 100:.0f}" for value in values]
        rows.append((name, (Cell(f"{images:,}"), *shaded(values, texts, 0, 1))))
        shares.append(share)
    error_name = f"1 - {METRICS[run.metric].name}" if run.points else "error"
    heat = HeatTable(
        "Each group's images that may be queried, and in %: asked about, labelled, how far people agreed, and the last "
        f"model's error ({error_name}) on test images.",
        "group",
        ("images", "asked", "labelled", "agreement", "error"),
        tuple(rows),
    )
    picture = svg(
        _bars([*names, WHOLE], shares), "people", "Shares of each group asked about and labelled, as in the table."
    )
    return heat, picture, _told(list(settled.values()))


def _agreement(labels: Sequence[SettledLabel]) -> float:
    known = [each.agreement for each in labels if each.agreement is not None]
    return float(np.mean(known)) if known else np.nan


def _told(labels: Sequence[SettledLabel]) -> str:
    counted = Counter(each.source for each in labels).most_common()
    ways = ", ".join(f"{often:,} by {source}" for source, often in counted)
    again = sum(each.version > 1 for each in labels)
    corrected = f"; {again:,} had been corrected when they came" if again else ""
    return f"{count(len(labels), 'label')}: {ways or 'none yet'}{corrected}."


def _bars(names: Sequence[str], shares: Sequence[Sequence[float]]) -> Figure:
    figure = Figure(figsize=(WIDTH, 0.7 + ROW_HEIGHT * len(names)), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(names))
    for offset, title, column, colour in ((-0.18, "asked", 0, PALETTE[0]), (0.18, "labelled", 1, PALETTE[2])):
        axes.barh(places + offset, [share[column] for share in shares], 0.34, label=title, color=colour)
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    axes.xaxis.set_major_formatter(PERCENT)
    axes.grid(axis="x", color=RULE)
    axes.set_axisbelow(True)
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
