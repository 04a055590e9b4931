"""Images listed in a table, one row per image."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alframe.data.files import FileSource, natural_key
from alframe.data.splits import held_out_mask
from alframe.errors import DataError
from alframe.types import UNLABELLED, SampleTable


class CsvTable(FileSource):
    """A CSV file with the header ``path,label`` and, if wanted, ``group``, ``cost`` and ``split``.

    An empty label means unlabelled, an empty cost 1. ``split`` is ``train`` or ``test``; without that column
    a seeded share of each class is held out, drawn from the labelled rows. Classes are the labels in natural
    order. Other columns are ignored. A listed file that is missing is set aside when it is read.

    Args:
        path: the table.
        root: the folder that its paths start from; the table's own folder if ``None``.
        held_out: share of each class that is held out, where there is no ``split`` column.
        split_seed: which samples that are.

    Raises:
        DataError: no such table, a row that cannot be used (named by file and line), no label at all, none of
            the files there, a class too small to split.
    """

    def __init__(self, path: str, root: str | None = None, held_out: float = 0.2, split_seed: int = 0) -> None:
        table = Path(path).expanduser()
        folder = table.parent if root is None else Path(root).expanduser()
        rows = _read_rows(table)
        if not any((folder / row.id).is_file() for row in rows):
            raise DataError(f"none of the {len(rows)} files listed in {table} is under {folder}; set root")

        classes = tuple(sorted({row.label for row in rows if row.label}, key=natural_key))
        if not classes:
            raise DataError(f"no row of {table} has a label, so the classes are unknown; label at least some rows")
        index = {"": UNLABELLED, **{name: label for label, name in enumerate(classes)}}
        labels = np.array([index[row.label] for row in rows], dtype=np.int64)
        super().__init__(
            name=table.stem,
            classes=classes,
            root=folder,
            table=SampleTable(
                ids=np.array([row.id for row in rows]),
                labels=labels,
                held_out=_given_split(rows, table)
                if rows[0].split is not None
                else held_out_mask(labels, classes, held_out, split_seed),
                groups=np.array([row.group for row in rows]),
                costs=np.array([row.cost for row in rows]),
            ),
        )


class _Row(NamedTuple):
    id: str
    label: str
    group: str
    cost: float
    split: str | None


def _read_rows(table: Path) -> list[_Row]:
    lines: dict[str, int] = {}
    rows = []
    for line, values in _read_lines(table):
        try:
            row = _parse(values)
        except ValueError as error:
            raise DataError(f"{table}, line {line}: {error}") from error
        first = lines.setdefault(row.id, line)
        if first != line:
            raise DataError(f"{table}, line {line}: {row.id} is on line {first} already; list each image once")
        rows.append(row)
    if not rows:
        raise DataError(f"{table} lists no images; add rows below its header")
    return rows


def _read_lines(table: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Each row with its line number; every column that the header names is present."""
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            columns = reader.fieldnames or ()
            if not {"path", "label"} <= set(columns):
                raise DataError(f"{table}, line 1: the header must name path and label, got {','.join(columns)!r}")
            for values in reader:
                if None in values or None in values.values():
                    raise DataError(f"{table}, line {reader.line_num}: expected the values {','.join(columns)}")
                yield reader.line_num, values
    except OSError as error:
        raise DataError(f"cannot open the table {table}: {error.strerror}; set path to a CSV file") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{table} is no CSV file in UTF-8: {error}; save it as one") from error


def _parse(values: dict[str, str]) -> _Row:
    split = values.get("split")
    if split is not None and split not in {"train", "test"}:
        raise ValueError(f"split must be train or test, got {split!r}")
    if split == "test" and not values["label"]:
        raise ValueError("a test image needs a label; give one or move it to train")
    return _Row(
        id=_inside_root(values["path"]),
        label=values["label"],
        group=values.get("group", ""),
        cost=_parse_cost(values.get("cost", "")),
        split=split,
    )


def _inside_root(path: str) -> str:
    """``path`` without detours, with ``/``; refused if it is empty, absolute or leaves the root."""
    plain = PurePath(os.path.normpath(path)) if path else PurePath()
    if not plain.parts or plain.is_absolute() or plain.parts[0] == "..":
        raise ValueError(f"path must name a file below the root, got {path!r}; write it relative to the root")
    return plain.as_posix()


def _parse_cost(text: str) -> float:
    try:
        cost = float(text) if text else 1.0
    except ValueError:
        cost = math.nan
    if not 0 < cost < math.inf:
        raise ValueError(f"cost must be a positive number or empty, got {text!r}")
    return cost


def _given_split(rows: list[_Row], table: Path) -> NDArray[np.bool_]:
    held_out = np.array([row.split == "test" for row in rows])
    if not held_out.any() or held_out.all():
        raise DataError(f"every row of {table} has the split {rows[0].split}; mark some train and some test")
    return held_out
