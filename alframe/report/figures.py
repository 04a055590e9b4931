"""Charts that are legible in print, on dark screens and to the colour-blind."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import matplotlib as mpl
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from alframe.storage import whole_file
from alframe.types import Floats

INK = "#1f2328"
RULE = "#d5d9de"
PAPER = "#ffffff"
RANDOM = "#7d8590"
"""Random choice is the baseline of every picture and always grey."""

PALETTE = ("#0072b2", "#d55e00", "#009e73", "#b5589a", "#b8860b", "#4f9fd0", "#8c564b", "#6b5bb5")
"""After Okabe and Ito, darkened where a line would fade on white; each keeps a contrast of 2.9 or more."""

Dash: TypeAlias = str | tuple[float, tuple[float, ...]]

DASHES: tuple[Dash, ...] = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 2, 1, 2)))
"""When the colours are used up they begin again with the next dash."""

PERCENT = FuncFormatter(lambda share, _: f"{share * 100:.4g} %")
"""Writes shares along an axis."""

NAME_HEIGHT = 0.18
"""Inches from one name at a line's end to the next."""


@dataclass(frozen=True, eq=False)
class Line:
    """One curve of a chart.

    Attributes:
        name: written at its end; empty for none.
        labels: (L,) numbers of labels.
        values: (L,) heights.
        half_width: (L,) of the band around it, NaN where there is none; ``None`` for no band.
        colour: of line and band.
        dash: a matplotlib line style.
        hollow: of its points those that are drawn as rings, by their place.
    """

    name: str
    labels: Sequence[int]
    values: Floats
    colour: str = PALETTE[0]
    dash: Dash = "-"
    half_width: Floats | None = None
    hollow: Sequence[int] = ()


def styles(names: Sequence[str]) -> dict[str, tuple[str, Dash]]:
    """A colour and a dash for each name, the same for the same names; what begins with "random" is grey."""
    baselines = [name for name in names if name.split(",")[0] == "random"]
    others = [name for name in names if name not in baselines]
    found: dict[str, tuple[str, Dash]] = {name: (RANDOM, DASHES[i % len(DASHES)]) for i, name in enumerate(baselines)}
    size = len(PALETTE)
    return found | {n: (PALETTE[i % size], DASHES[i // size % len(DASHES)]) for i, n in enumerate(others)}


def chart(lines: Sequence[Line], title: str, *, share: bool = False, size: tuple[float, float] = (4.3, 3)) -> Figure:
    """One chart of ``lines`` against the number of labels; ``share`` writes heights as percentages."""
    figure = Figure(figsize=size, layout="constrained", facecolor="none")
    draw(figure.add_subplot(), lines, title, share=share)
    return figure


def draw(axes: Axes, lines: Sequence[Line], title: str, *, share: bool) -> None:
    """Draw ``lines`` into ``axes``, each named at its end."""
    for line in lines:
        values = np.asarray(line.values, dtype=np.float64)
        axes.plot(line.labels, values, color=line.colour, linestyle=line.dash, linewidth=1.9, solid_capstyle="round")
        full = np.setdiff1d(np.arange(len(values)), line.hollow)
        labels = np.asarray(line.labels)
        axes.plot(labels[full], values[full], ".", color=line.colour, markersize=5)
        if line.hollow:
            rings = list(line.hollow)
            axes.plot(labels[rings], values[rings], "o", color=line.colour, markersize=4.5, markerfacecolor=PAPER)
        if line.half_width is not None and not np.isnan(line.half_width).all():
            low, high = values - line.half_width, values + line.half_width
            axes.fill_between(line.labels, low, high, color=line.colour, alpha=0.16, linewidth=0)
    dress(axes, title, across="labelled samples")
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(6))
    if share:
        _clip_to_one(axes)
        axes.yaxis.set_major_formatter(PERCENT)
    _name_line_ends(axes, [line for line in lines if line.name and len(line.labels)])


def dress(axes: Axes, title: str, *, across: str) -> None:
    """Give ``axes`` the look of all charts: a title, what is ``across``, the grid behind and no box around."""
    axes.set_title(title, loc="left", fontsize=10.5, color=INK, pad=9, fontweight="bold")
    axes.set_xlabel(across, fontsize=9.5, color=INK)
    axes.tick_params(colors=INK, labelsize=9, length=0)
    axes.grid(axis="y", color=RULE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.patch.set_alpha(0)
    for side in ("top", "left", "right"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(RULE)


def svg(figure: Figure, name: str, description: str) -> Markup:
    """The figure as inline SVG; text stays text, ink and rules follow the page's colours.

    Args:
        figure: what to draw.
        name: unique within the page; every id in the SVG begins with it.
        description: read out to those who cannot see it.
    """
    buffer = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name, "font.family": "sans-serif"}):
        figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r'\b(id="|xlink:href="#|href="#)', rf"\g<1>{name}-", text).replace("url(#", f"url(#{name}-")
    text = re.sub(r'<svg [^>]*?viewBox="([^"]*)"[^>]*>', r'<svg viewBox="\1" role="img" aria-label="@">', text)
    text = re.sub(r"font-family: [^;]*; ?", "", text)
    text = text.replace(INK, "currentColor").replace(RULE, "var(--rule)")
    text = text.replace(PAPER, "var(--paper)").replace("xlink:href", "href")
    return Markup(text.replace('"@"', f'"{Markup.escape(description)}"', 1))  # noqa: S704 (matplotlib escapes its text)


def save_png(figure: Figure, path: Path) -> None:
    """Write the figure as a PNG on white, whole."""
    with whole_file(path) as unfinished:
        figure.savefig(unfinished, dpi=160, facecolor=PAPER, metadata={"Software": None})


def _clip_to_one(axes: Axes) -> None:
    low, high = axes.get_ylim()
    axes.set_ylim(max(low, 0), min(high, 1.005))


def _name_line_ends(axes: Axes, lines: Sequence[Line]) -> None:
    """Write each name right of its line's end, moved apart where ends are close, with a thread to the end."""
    if not lines:
        return
    low, high = axes.get_ylim()
    gap = (high - low) * NAME_HEIGHT / (axes.bbox.height / axes.figure.dpi)
    order = sorted(lines, key=lambda line: float(line.values[-1]))
    heights: list[float] = []
    for line in order:
        heights.append(max(float(line.values[-1]), heights[-1] + gap if heights else low))
    ceiling = high
    for i in reversed(range(len(heights))):
        heights[i] = min(heights[i], ceiling)
        ceiling = heights[i] - gap
    left, right = axes.get_xlim()
    end = max(line.labels[-1] for line in lines)
    for line, at in zip(order, heights, strict=True):
        axes.annotate(
            line.name,
            xy=(line.labels[-1], float(line.values[-1])),
            xytext=(end + (right - left) * 0.055, at),
            fontsize=9.5,
            color=INK,
            va="center_baseline",
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": line.colour,
                "linewidth": 1,
                "relpos": (0, 0.5),
                "shrinkA": 1,
                "shrinkB": 3,
            },
        )
