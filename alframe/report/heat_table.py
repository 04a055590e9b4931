"""Tables whose cells are shaded by their value, as records that a template writes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

ABSENT = "\N{EN DASH}"
"""Stands in a cell where nothing is known."""


@dataclass(frozen=True)
class Cell:
    """What a cell says, how strongly it is shaded, in [0, 1], and whether a frame marks it."""

    text: str
    shade: float = 0.0
    framed: bool = False


@dataclass(frozen=True)
class HeatTable:
    """A shaded table.

    Attributes:
        caption: what it shows, for those who hear the page too.
        corner: the heading of the row names.
        columns: the other headings.
        rows: names, and one cell per column.
    """

    caption: str
    corner: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


def shaded(values: ArrayLike, texts: Sequence[str], low: float, high: float) -> tuple[Cell, ...]:
    """Cells shaded by where ``values`` lie between ``low`` and ``high``; NaN is not shaded.

    >>> shaded([0.5, 1.0], ["a", "b"], low=0, high=1)
    (Cell(text='a', shade=0.5, framed=False), Cell(text='b', shade=1.0, framed=False))
    """
    span = high - low
    shares = np.nan_to_num((np.asarray(values, dtype=np.float64) - low) / (span if span > 0 else 1.0))
    return tuple(Cell(text, round(float(np.clip(share, 0, 1)), 3)) for share, text in zip(shares, texts, strict=True))


def share_table(
    caption: str,
    corner: str,
    columns: Sequence[str],
    shares: Sequence[Sequence[float | None]],
    names: Sequence[str],
) -> HeatTable:
    """Shares in %, one row for each of R ``names``; ``shares`` holds R values for each column, ``None`` if unknown."""
    values = np.array(shares, dtype=np.float64)
    low = float(np.nanmin(values)) if np.isfinite(values).any() else 0.0
    rows = tuple(
        (name, shaded(row, [ABSENT if np.isnan(value) else f"{value * 100:.0f}" for value in row], low, 1))
        for name, row in zip(names, values.T, strict=True)
    )
    return HeatTable(caption, corner, tuple(columns), rows)


def class_names(classes: Sequence[str], needed: int) -> list[str]:
    """The names of ``needed`` classes, numbered where no name is known.

    >>> class_names(["cat"], 2)
    ['cat', 'class 1']
    """
    return [*classes[:needed], *(f"class {index}" for index in range(len(classes), needed))]
