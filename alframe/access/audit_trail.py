"""Is the audit trail what was written? Each entry carries a hash over itself and the entry before it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import select

from alframe.errors import InvalidInput
from alframe.storage.service import ServiceDatabase
from alframe.storage.service.audit import GENESIS, entry_sha256
from alframe.storage.service.tables import AuditRow

AT_ONCE = 1_000
"""Entries in memory."""


@dataclass(frozen=True)
class AuditVerdict:
    """What became of the audit trail.

    Attributes:
        entries: how many there are, up to the first bad one.
        first_bad: the number of the first that is not as it was written; ``None`` if all are.
        why: what is wrong with it; empty if nothing is.
        head: the last good entry, as ``NUMBER:SHA256``. Who notes it elsewhere can have the trail held to it later.
    """

    entries: int
    first_bad: int | None
    why: str
    head: str


def verify(database: ServiceDatabase, *, expected_head: str | None = None) -> AuditVerdict:
    """Walk along the trail to the first entry that was changed, moved, put in or taken out.

    Entries that were cut off at the end leave no trace in the trail, and neither does one who could write it anew from
    some entry on: only a head that was noted elsewhere finds that.

    Args:
        database: the service's.
        expected_head: the ``head`` of an earlier verdict; the trail may have grown since.

    Raises:
        InvalidInput: ``expected_head`` is none.
    """
    noted, noted_sha256 = _parsed(expected_head) if expected_head else (0, GENESIS)
    number, sha256 = 0, GENESIS
    why = ""
    with database.read() as session:
        rows = select(AuditRow).order_by(AuditRow.entry).execution_options(yield_per=AT_ONCE)
        for row in session.scalars(rows):
            why = _wrong(row, number + 1, sha256)
            if not why and row.entry == noted and row.sha256 != noted_sha256:
                why = "it is not what was noted: it, or an entry before it, was written anew"
            if why:
                break
            number, sha256 = row.entry, row.sha256
    if not why and number < noted:
        why = f"it is missing, and so is what followed: there was an entry {noted}"
    return AuditVerdict(number, number + 1 if why else None, why, f"{number}:{sha256}")


def page(database: ServiceDatabase, *, after: int = 0, limit: int = 100) -> list[AuditRow]:
    """The first ``limit`` entries after entry ``after``."""
    rows = select(AuditRow).where(AuditRow.entry > after).order_by(AuditRow.entry).limit(limit)
    with database.read() as session:
        return list(session.scalars(rows))


def latest(database: ServiceDatabase, limit: int, actor: str | None = None) -> list[AuditRow]:
    """The last ``limit`` entries, of ``actor`` only if one is given, the latest last."""
    rows = select(AuditRow).order_by(AuditRow.entry.desc()).limit(limit)
    if actor is not None:
        rows = rows.where(AuditRow.actor == actor)
    with database.read() as session:
        return list(session.scalars(rows))[::-1]


def _wrong(row: AuditRow, number: int, previous: str) -> str:
    if row.entry != number:
        return f"it is missing: entry {row.entry} stands in its place"
    if row.previous != previous:
        return "it does not follow from the entry before it: one of the two was changed, moved or put in"
    try:
        right = row.sha256 == entry_sha256(row)
    except TypeError:  # SQLite keeps whatever is put into a column
        right = False
    return "" if right else "it was changed: its hash belongs to something else"


def _parsed(head: str) -> tuple[int, str]:
    match = re.fullmatch(r"(\d{1,18}):([0-9a-f]{64})", head)
    if match is None:
        raise InvalidInput(f"a head is NUMBER:SHA256, as `alframe audit verify` prints it, not {head!r}")
    return int(match[1]), match[2]
