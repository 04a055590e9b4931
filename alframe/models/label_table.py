"""The labels that a version of a model was trained on, as a table."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from io import StringIO

from pydantic import TypeAdapter

from alframe.pool import LedgerEntry
from alframe.types import Annotation, Objects

COLUMNS = ("entry", "sample", "label", "key", "annotator", "created_at")
_OBJECTS = TypeAdapter(Objects)


def labels_as_csv(entries: Iterable[LedgerEntry], classes: Sequence[str]) -> str:
    """A line for each entry of the ledger: its class by name, or its objects as JSON, and who said so."""
    lines = StringIO()
    table = csv.writer(lines, lineterminator="\n")
    table.writerow(COLUMNS)
    for entry in entries:
        said = entry.annotation
        label = classes[said.label] if isinstance(said.label, int) else _OBJECTS.dump_json(_objects(said)).decode()
        table.writerow((entry.entry, said.sample_id, label, said.key, said.annotator, entry.created_at.isoformat()))
    return lines.getvalue()


def _objects(said: Annotation) -> Objects:
    assert isinstance(said.label, Objects)  # noqa: S101 (what a model learnt has a label)
    return said.label
