"""How often somebody may try to sign in under a name, from an address and from all of them.

A stranger who sends wrong passwords closes a name to their own address, and with a hundred of them to every address
that nobody of that name has signed in from; whoever has keeps coming in from there. What such a stranger can still do:
keep somebody out who comes from a new address, by guessing from ten addresses without end; and, where all requests seem
to come from one address (a proxy that is not a ``--trusted-proxy``), keep everybody out. They can guess a hundred times
in ``WINDOW``, and ten times more from the address of somebody whom they share it with.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

from sqlalchemy import and_, case, delete, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from alframe.errors import TooMany
from alframe.storage.service import ServiceDatabase, database_now, record
from alframe.storage.service.tables import AttemptRow

ATTEMPTS = 10
"""Wrong passwords for one name from one address within ``WINDOW``."""

ATTEMPTS_IN_ALL = 100
"""Wrong passwords for one name from all addresses: NIST SP 800-63B (5.2.2) allows so many."""

WINDOW = 15 * 60.0
"""Seconds, from the first of them."""

REMEMBERED = 90 * 86_400.0
"""Seconds for which an address is known from which somebody has signed in."""

EVERYWHERE = "*"

AT_ONCE = 500
"""Rows that are forgotten together; one statement has room for some thousand values."""


def count_attempt(database: ServiceDatabase, name: str, address: str) -> None:
    """Count one before its password is looked at, so that of many at once no more than allowed are looked at.

    Raises:
        TooMany: there were more.
    """
    address = _network(address)
    with database.write() as session:
        here, known = _count(session, name, address)
        refused = here > ATTEMPTS
        in_all = 0 if refused else _count(session, name, EVERYWHERE)[0]
        refused |= in_all > ATTEMPTS_IN_ALL and not known
        if here == ATTEMPTS + 1 or in_all == ATTEMPTS_IN_ALL + 1:
            detail = {"address": address, "attempts": here, "in_all": in_all}
            record(session, "system", "user.block", f"name/{name}", detail)
    if refused:
        raise TooMany(f"too many wrong passwords for {name!r}: wait {WINDOW / 60:.0f} minutes")
    if here == 1:  # by itself, and of nothing that is being counted
        over = and_(~AttemptRow.known, AttemptRow.since < database_now() - WINDOW)
        forgotten = AttemptRow.since < database_now() - REMEMBERED
        old = select(AttemptRow.name, AttemptRow.address).where(or_(over, forgotten))
        with database.write() as session:
            rows = session.execute(old.limit(AT_ONCE).with_for_update(skip_locked=True)).all()
            session.execute(delete(AttemptRow).where(tuple_(AttemptRow.name, AttemptRow.address).in_(rows)))


def know_address(session: Session, name: str, address: str) -> None:
    """Somebody has shown at an address that the name is theirs."""
    counted = update(AttemptRow).where(AttemptRow.name == name)
    session.execute(
        counted.where(AttemptRow.address == _network(address)).values(count=0, known=True, since=database_now())
    )
    in_all = AttemptRow.address == EVERYWHERE, AttemptRow.count > 0
    session.execute(counted.where(*in_all).values(count=AttemptRow.count - 1))


def forget_attempts(session: Session, name: str) -> None:
    """The name has another password: what was tried counts no longer."""
    session.execute(delete(AttemptRow).where(AttemptRow.name == name, ~AttemptRow.known))
    session.execute(update(AttemptRow).where(AttemptRow.name == name).values(count=0))


def _count(session: Session, name: str, address: str) -> tuple[int, bool]:
    over = AttemptRow.since < database_now() - WINDOW
    insert: Callable[..., Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[
        session.get_bind().dialect.name
    ]
    first = insert(AttemptRow).values(name=name, address=address, since=database_now(), count=1, known=False)
    counted = first.on_conflict_do_update(
        index_elements=[AttemptRow.name, AttemptRow.address],
        set_={
            "count": case((over, 1), else_=AttemptRow.count + 1),
            "since": case((over, database_now()), else_=AttemptRow.since),
        },
    ).returning(AttemptRow.count, AttemptRow.known)
    count, known = session.execute(counted).one()
    return count, known


def _network(address: str) -> str:
    """What one party has of addresses: one of IPv4, 2^64 of IPv6."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed, 64), strict=False))
