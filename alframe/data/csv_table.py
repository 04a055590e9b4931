"""Images listed in a CSV file, one row per image."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from alframe.data.csv_lines import csv_lines
from alframe.data.manifest import ListedImages, Row, collect_rows, make_row


class CsvTable(ListedImages):
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
        rows = collect_rows(table, "line", csv_lines(table, ("path", "label")), _parse)
        super().__init__(table, rows, root=root, classes=None, held_out=held_out, split_seed=split_seed)


def _parse(values: Mapping[str, str]) -> Row:
    split = values.get("split")
    if split is not None and split not in {"train", "test"}:
        raise ValueError(f"split must be train or test, got {split!r}")
    return make_row(
        values["path"],
        label=values["label"],
        group=values.get("group", ""),
        cost=values.get("cost", ""),
        held_out=None if split is None else split == "test",
    )
