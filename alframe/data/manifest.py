"""Tables that list images, whatever file they are in: each row is checked, and together they make a source."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alframe.data.files import FileSource, check_classes, inside_root, natural_key
from alframe.data.splits import held_out_mask
from alframe.errors import DataError
from alframe.types import UNLABELLED, SampleTable


class Row(NamedTuple):
    """One image: its path below the root; ``label`` is empty where unknown, ``held_out`` ``None`` where nobody says."""

    path: str
    id: str
    label: str
    group: str
    cost: float
    held_out: bool | None


class ListedImages(FileSource):
    """The images of a table.

    Where no row says what is held out, a seeded share of each class is, drawn from the labelled rows.

    Args:
        table: the file, for messages; names the source.
        rows: at least one.
        root: the folder that their paths start from; the table's own folder if ``None``.
        classes: their names, in order; the labels in natural order if ``None``.
        held_out: share of each class that is held out, where the rows do not say.
        split_seed: which samples that are.

    Raises:
        ConfigurationError: class names that are empty or repeated.
        DataError: no label at all, a label that is no class, none of the files there, a class too small to split.
    """

    def __init__(
        self,
        table: Path,
        rows: Sequence[Row],
        *,
        root: str | None,
        classes: Sequence[str] | None,
        held_out: float,
        split_seed: int,
    ) -> None:
        folder = table.parent if root is None else Path(root).expanduser()
        if not any((folder / row.path).is_file() for row in rows):
            raise DataError(f"none of the {len(rows)} files listed in {table} is under {folder}; set root")
        names = _class_names(table, rows) if classes is None else check_classes(classes)
        labels = _labels(table, rows, names)
        ids, paths = [row.id for row in rows], [row.path for row in rows]
        super().__init__(
            name=table.stem,
            classes=names,
            root=folder,
            table=SampleTable(
                ids=np.array(ids),
                labels=labels,
                held_out=_held_out(table, rows, labels, names, held_out, split_seed),
                groups=np.array([row.group for row in rows]),
                costs=np.array([row.cost for row in rows]),
            ),
            paths=None if paths == ids else np.array(paths),
        )


def collect_rows(
    table: Path, unit: str, found: Iterable[tuple[int, Mapping[str, Any]]], parse: Callable[[Mapping[str, Any]], Row]
) -> list[Row]:
    """Parse what is ``found`` in a table: the values of each row, and its number in ``unit`` (line, row).

    Raises:
        DataError: a row that cannot be used, or that lists an image again, by its number; no rows.
    """
    seen: dict[tuple[str, str], int] = {}
    rows = []
    for number, values in found:
        try:
            row = parse(values)
        except ValueError as error:
            raise DataError(f"{table}, {unit} {number}: {error}") from error
        for kind, name in (("path", row.path), ("id", row.id)):
            first = seen.setdefault((kind, name), number)
            if first != number:
                raise DataError(f"{table}, {unit} {number}: {name} is on {unit} {first} already; list each image once")
        rows.append(row)
    if not rows:
        raise DataError(f"{table} lists no images; add rows to it")
    return rows


def make_row(
    path: str, *, label: str, held_out: bool | None, cost: str, group: str = "", name: str | None = None
) -> Row:
    """A row of these values; the id is ``name``, or the path if that is ``None``; an empty cost is 1.

    Raises:
        ValueError: a path that does not lie below the root, a held-out image without a label, an empty id, a cost that
            is not positive.
    """
    if held_out and not label:
        raise ValueError("a test image needs a label; give one or move it to train")
    if name == "":
        raise ValueError("id must not be empty")
    inside = inside_root(path)
    return Row(inside, inside if name is None else name, label, group, _parse_cost(cost), held_out)


def _parse_cost(cost: str) -> float:
    try:
        value = float(cost) if cost else 1.0
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise ValueError(f"cost must be a positive number or empty, got {cost!r}")
    return value


def _class_names(table: Path, rows: Sequence[Row]) -> tuple[str, ...]:
    names = tuple(sorted({row.label for row in rows if row.label}, key=natural_key))
    if not names:
        raise DataError(f"no row of {table} has a label, so the classes are unknown; label at least some rows")
    return names


def _labels(table: Path, rows: Sequence[Row], classes: Sequence[str]) -> NDArray[np.int64]:
    index = {"": UNLABELLED, **{name: label for label, name in enumerate(classes)}}
    if strangers := sorted({row.label for row in rows} - set(index), key=natural_key):
        raise DataError(
            f"{table} has labels that are none of the classes {', '.join(classes)}: {', '.join(strangers)}; "
            "correct them or name them in classes"
        )
    return np.array([index[row.label] for row in rows], dtype=np.int64)


def _held_out(
    table: Path,
    rows: Sequence[Row],
    labels: NDArray[np.int64],
    classes: tuple[str, ...],
    share: float,
    seed: int,
) -> NDArray[np.bool_]:
    if not (labels != UNLABELLED).any():
        return np.zeros(len(rows), dtype=np.bool_)
    if rows[0].held_out is None:
        return held_out_mask(labels, classes, share, seed)
    mask = np.array([row.held_out for row in rows], dtype=np.bool_)
    if not mask.any() or mask.all():
        raise DataError(f"every row of {table} has the split {'test' if mask[0] else 'train'}; mark some of each")
    return mask
