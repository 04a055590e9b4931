"""Images listed in a Parquet file, one row per image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alframe.data.manifest import ListedImages, Row, collect_rows, make_row
from alframe.errors import ConfigurationError, DataError

_HOLDS = {
    "image": ("text",),
    "id": ("text", "whole numbers"),
    "label": ("text", "whole numbers"),
    "held_out": ("true or false",),
    "group": ("text", "whole numbers"),
    "cost": ("whole numbers", "numbers"),
}
"""What a column may hold. Classes written as 1.0 and 2.0 have lost their names on the way, so these are refused."""


class ParquetTable(ListedImages):
    """A Parquet file with a column of image paths and, if wanted, of ids, labels, held-out rows, groups and costs.

    A null label means unlabelled, a null cost 1. A column under its usual name may be absent: without ids, the paths
    are ids; without ``held_out``, a seeded share of each class is held out, drawn from the labelled rows; without
    labels, every row belongs to the pool. Other columns are ignored. A listed file that is missing is set aside when it
    is read.

    Args:
        path: the table.
        root: the folder that its paths start from; the table's own folder if ``None``.
        classes: names of the classes, in order; the labels in natural order if ``None``.
        image_column: names the column of paths.
        id_column: names the column of ids.
        label_column: names the column of class names; numbers are names too.
        held_out_column: names the column that is true in test samples.
        group_column: names the column of slices: a camera, a site.
        cost_column: names the column of what a label costs.
        held_out: share of each class that is held out, where there is no such column.
        split_seed: which samples that are.

    Raises:
        ConfigurationError: pyarrow is not installed; class names that are empty or repeated.
        DataError: no such table, a column that is missing or holds something else, a row that cannot be used (named by
            file and row, from 1 up), a column of labels without any, a label that is no class, none of the files there,
            a class too small to split.
    """

    def __init__(
        self,
        path: str,
        root: str | None = None,
        classes: Sequence[str] | None = None,
        image_column: str = "image",
        id_column: str = "id",
        label_column: str = "label",
        held_out_column: str = "held_out",
        group_column: str = "group",
        cost_column: str = "cost",
        held_out: float = 0.2,
        split_seed: int = 0,
    ) -> None:
        table = Path(path).expanduser()
        given = {
            "image": image_column,
            "id": id_column,
            "label": label_column,
            "held_out": held_out_column,
            "group": group_column,
            "cost": cost_column,
        }
        with _opened(table) as file:
            columns = _present(table, file.schema_arrow, given)
            rows = collect_rows(table, "row", _read_rows(file, columns), _parse)
        if classes is None and "label" not in columns:
            classes = ()
        super().__init__(table, rows, root=root, classes=classes, held_out=held_out, split_seed=split_seed)


@contextmanager
def _opened(table: Path) -> Iterator[Any]:
    try:
        from pyarrow import parquet
        from pyarrow.lib import ArrowException
    except ImportError as error:
        raise ConfigurationError("data=parquet needs pyarrow: pip install 'alframe[parquet]'") from error
    try:
        with parquet.ParquetFile(table) as file:
            yield file
    except FileNotFoundError as error:
        raise DataError(f"cannot open the table {table}: no such file; set path to a Parquet file") from error
    except (OSError, ArrowException) as error:
        raise DataError(f"{table} cannot be read as a Parquet file: {error}; write it again") from error


def _present(table: Path, schema: Any, given: Mapping[str, str]) -> dict[str, str]:
    """The columns that are there, and may hold what they do: what each is for, and its name."""
    columns = {kind: name for kind, name in given.items() if name in schema.names}
    for kind, name in given.items():
        if kind not in columns and (kind == "image" or name != kind):
            raise DataError(f"{table} has no column {name!r}, but {', '.join(schema.names)}; set {kind}_column")
    for kind, name in columns.items():
        held = schema.field(name).type
        if _content(held) not in (*_HOLDS[kind], "nothing"):
            raise DataError(f"column {name} of {table} holds {held}, but must hold {' or '.join(_HOLDS[kind])}")
    return columns


def _content(held: Any) -> str:
    """An Arrow type in plain words, as far as a column may have it."""
    from pyarrow import types

    plain = held.value_type if types.is_dictionary(held) else held
    known = {
        "nothing": types.is_null,
        "text": lambda kind: types.is_string(kind) or types.is_large_string(kind),
        "whole numbers": types.is_integer,
        "numbers": types.is_floating,
        "true or false": types.is_boolean,
    }
    return next((words for words, fits in known.items() if fits(plain)), str(held))


def _read_rows(file: Any, columns: Mapping[str, str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each row, counted from 1: its values by what they are for."""
    number = 0
    # Without threads of its own, of which a process that is forked later would know nothing.
    for batch in file.iter_batches(columns=list(columns.values()), use_threads=False):
        values = {kind: batch.column(name).to_pylist() for kind, name in columns.items()}
        for row in zip(*values.values(), strict=True):
            number += 1
            yield number, dict(zip(values, row, strict=True))


def _parse(values: Mapping[str, Any]) -> Row:
    text = {kind: "" if value is None else str(value) for kind, value in values.items()}
    if "held_out" in values and values["held_out"] is None:
        raise ValueError("held_out must be true or false, got null")
    return make_row(
        text["image"],
        name=text.get("id"),
        label=text.get("label", ""),
        group=text.get("group", ""),
        cost=text.get("cost", ""),
        held_out=values.get("held_out"),
    )
