"""How often somebody may try to sign in under a name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import case, delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from alframe.errors import TooMany
from alframe.storage.service import ServiceDatabase, database_now, record
from alframe.storage.service.tables import AttemptRow

ATTEMPTS = 10
"""Wrong passwords for one name within ``WINDOW``; then nobody signs in under it until the window has passed."""

WINDOW = 15 * 60.0
"""Seconds, from the first of them."""


def count_attempt(database: ServiceDatabase, name: str) -> None:
    """Count one before its password is looked at, so that of many at once no more than ``ATTEMPTS`` are looked at.

    Raises:
        TooMany: there were more.
    """
    over = AttemptRow.since < database_now() - WINDOW
    insert: Callable[..., Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[
        database.engine.dialect.name
    ]
    first = insert(AttemptRow).values(name=name, since=database_now(), count=1)
    counted = first.on_conflict_do_update(
        index_elements=[AttemptRow.name],
        set_={
            "count": case((over, 1), else_=AttemptRow.count + 1),
            "since": case((over, database_now()), else_=AttemptRow.since),
        },
    ).returning(AttemptRow.count)
    with database.write() as session:
        count = session.scalars(counted).one()
        if count == ATTEMPTS + 1:
            record(session, "system", "user.block", f"name/{name}", {"attempts": ATTEMPTS})
    if count > ATTEMPTS:
        raise TooMany(f"{ATTEMPTS} wrong passwords for {name!r}: wait {WINDOW / 60:.0f} minutes")
    if count == 1:  # by itself: whoever counts locks one row only
        with database.write() as session:
            session.execute(delete(AttemptRow).where(over))


def forget_attempts(session: Session, name: str) -> None:
    """Somebody has shown that the name is theirs."""
    session.execute(delete(AttemptRow).where(AttemptRow.name == name))
