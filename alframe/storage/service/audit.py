"""The audit trail: each entry carries the hash of the one before it, so that no row can be changed unnoticed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from alframe.storage.service.tables import AuditRow
from alframe.storage.tables import now

GENESIS = "0" * 64
"""What stands before the first entry."""

APPENDING = 7_304_552
"""The key of PostgreSQL's advisory lock under which one transaction at a time appends."""


def record(session: Session, actor: str, action: str, subject: str, detail: Mapping[str, Any] | None = None) -> None:
    """Append one deed to the trail, in the caller's writing transaction; best as its last statement.

    Args:
        session: the caller's, of ``ServiceDatabase.write``.
        actor: who did it: a user's name, or ``system``.
        action: what was done, as ``noun.verb``: ``user.create``.
        subject: to what, as ``noun/id``.
        detail: whatever else is to be known, as plain values.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": APPENDING})
    last = session.execute(select(AuditRow.entry, AuditRow.sha256).order_by(AuditRow.entry.desc()).limit(1)).first()
    entry, previous = (1, GENESIS) if last is None else (last.entry + 1, last.sha256)
    row = AuditRow(
        entry=entry,
        at=now().isoformat(),
        actor=actor,
        action=action,
        subject=subject,
        detail=json.dumps(detail or {}, sort_keys=True, ensure_ascii=False),
        previous=previous,
    )
    row.sha256 = entry_sha256(row)
    session.add(row)
    session.flush()


def entry_sha256(row: AuditRow) -> str:
    """The hash that belongs to the entry: over everything it says, and the hash before it."""
    said = [row.entry, row.at, row.actor, row.action, row.subject, row.detail, row.previous]
    return hashlib.sha256(json.dumps(said, ensure_ascii=False).encode()).hexdigest()
