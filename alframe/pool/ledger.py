"""The label ledger: who said what of which sample, and when. Entries are only ever added."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from alframe.errors import LedgerConflict
from alframe.storage.tables import LedgerRow
from alframe.types import Annotation, Objects

_OBJECTS = TypeAdapter(Objects)


@dataclass(frozen=True)
class LedgerEntry:
    """One entry: its number (the ledger's version from then on), when it was made (UTC), and what it says."""

    entry: int
    created_at: datetime
    annotation: Annotation


class Ledger:
    """The ledger in the database behind ``engine``.

    A corrected label is a new entry under a new key; the latest entry of a sample is the one that holds.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def append(self, annotations: Iterable[Annotation]) -> int:
        """Add what is new, all or nothing, and return how many entries that made.

        An annotation whose key is there already with the same content changes nothing, so that a step that was
        killed can be done again.

        Raises:
            LedgerConflict: a key is there already with another content.
        """
        with Session(self._engine) as session, session.begin():
            known = {row.key: _annotation(row) for row in session.scalars(select(LedgerRow))}
            added = 0
            for annotation in annotations:
                if annotation.key not in known:
                    session.add(_row(annotation))
                    known[annotation.key] = annotation
                    added += 1
                elif known[annotation.key] != annotation:
                    raise LedgerConflict(
                        f"ledger key {annotation.key!r} holds {known[annotation.key]}, not {annotation}; "
                        "to correct a label, append it under a new key"
                    )
            return added

    def entries(self) -> list[LedgerEntry]:
        """The whole history, oldest first."""
        with Session(self._engine) as session:
            rows = session.scalars(select(LedgerRow).order_by(LedgerRow.entry))
            return [LedgerEntry(row.entry, row.created_at, _annotation(row)) for row in rows]

    def current(self) -> dict[str, Annotation]:
        """What holds now: the latest annotation of each sample that has one."""
        return {entry.annotation.sample_id: entry.annotation for entry in self.entries()}


def _row(annotation: Annotation) -> LedgerRow:
    columns = {**vars(annotation)}
    if isinstance(annotation.label, Objects):
        columns |= {"label": None, "objects": _OBJECTS.dump_json(annotation.label).decode()}
    return LedgerRow(**columns)


def _annotation(row: LedgerRow) -> Annotation:
    label = row.label if row.objects is None else _OBJECTS.validate_json(row.objects)
    return Annotation(row.key, row.sample_id, label, row.annotator, row.round, row.model, row.reason)
