"""What is offered to a pool: a folder of images, or a table that says something of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from alframe.arrivals.evidence import WEIGHTS, Evidence, Kind
from alframe.data.csv_lines import csv_lines, moment
from alframe.data.files import image_names
from alframe.data.images import SUFFIXES
from alframe.data.manifest import make_row
from alframe.errors import ConfigurationError, DataError

COLUMNS = (
    "path",
    "label",
    "group",
    "cost",
    "kind",
    "weight",
    "predicted",
    "confidence",
    "model",
    "comment",
    "captured_at",
)
"""What a table may say of an image; only ``path`` must be there."""


@dataclass(frozen=True)
class Item:
    """One image that is offered.

    Attributes:
        root: the folder that it must lie in.
        path: from there, with ``/``.
        place: where it is listed, for messages.
        group: its slice; empty where there is none.
        cost: what labelling it costs.
        evidence: why it is offered.
    """

    root: Path
    path: str
    place: str
    group: str
    cost: float
    evidence: Evidence


@dataclass(frozen=True)
class Listing:
    """How a folder or a table is read.

    Attributes:
        classes: names of the run's classes.
        kind: of the evidence, where the table does not say.
        weight: of the evidence, where the table does not say; that of its kind if ``None``.
        with_labels: whether labels are classes, which a table may name.

    Raises:
        ConfigurationError: a kind that there is not, a weight that is none.
    """

    classes: Sequence[str]
    kind: str = "feedback"
    weight: float | None = None
    with_labels: bool = True

    def __post_init__(self) -> None:
        """Refuse evidence that there cannot be."""
        try:
            self._evidence({})
        except ValueError as error:
            raise ConfigurationError(str(error)) from error

    def read(self, path: Path, root: Path | None = None) -> list[Item]:
        """The images below the folder ``path``, or those that the CSV file ``path`` lists.

        Args:
            path: a folder, read as ``UnlabelledFolder`` does; or a table with the column ``path`` and any of
                ``COLUMNS``. What a table leaves empty is as if it were not there.
            root: the folder that a table's paths start from; the table's own folder if ``None``.

        Raises:
            DataError: nothing there, no images, a table that cannot be read, an unknown column, or a row that cannot
                be used, named by its line.
        """
        if not path.is_dir():
            return self._listed(path, path.parent if root is None else root)
        names = image_names(path)
        if not names:
            raise DataError(f"no images below {path}: looked for files in {' '.join(sorted(SUFFIXES))}")
        return [Item(path, name, str(path / name), "", 1.0, self._evidence({})) for name in names]

    def _listed(self, table: Path, root: Path) -> list[Item]:
        items = []
        for line, values in csv_lines(table, ("path",), COLUMNS):
            place = f"{table}, line {line}"
            try:
                items.append(self._item(root, place, values))
            except ValueError as error:
                raise DataError(f"{place}: {error}") from error
        if not items:
            raise DataError(f"{table} lists no images; add rows to it")
        return items

    def _item(self, root: Path, place: str, values: Mapping[str, str]) -> Item:
        cost, group = values.get("cost", ""), values.get("group", "")
        row = make_row(values["path"], label="", held_out=None, cost=cost, group=group)
        return Item(root, row.path, place, row.group, row.cost, self._evidence(values))

    def _evidence(self, values: Mapping[str, str]) -> Evidence:
        kind, captured = _kind(values.get("kind") or self.kind), values.get("captured_at")
        weight = _number("weight", values.get("weight", ""))
        if weight is None:
            weight = WEIGHTS[kind] if self.weight is None else self.weight
        return Evidence(
            kind=kind,
            weight=weight,
            predicted=self._class("predicted", values),
            confidence=_number("confidence", values.get("confidence", "")),
            model=values.get("model", ""),
            label=self._class("label", values),
            comment=values.get("comment", ""),
            captured_at=moment("captured_at", captured) if captured else None,
        )

    def _class(self, column: str, values: Mapping[str, str]) -> str:
        name = values.get(column, "")
        if name and column == "label" and not self.with_labels:
            raise ValueError("the labels of this run are objects, which people draw: leave the column label out")
        if name and name not in self.classes:
            known = ", ".join(self.classes)
            raise ValueError(
                f"{column} {name!r} is none of the classes {known}; correct it, or append it with --new-class"
            )
        return name


def _kind(name: str) -> Kind:
    for kind in get_args(Kind):
        if kind == name:
            found: Kind = kind
            return found
    raise ValueError(f"kind must be one of {', '.join(get_args(Kind))}, got {name!r}")


def _number(column: str, text: str) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        raise ValueError(f"{column} must be a number or empty, got {text!r}") from None
