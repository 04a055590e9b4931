"""Rows of users, as those who change them find them."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from alframe.errors import Conflict, NotFound
from alframe.storage.service.tables import RefreshTokenRow, UserRow


def load_user(session: Session, user_id: int, *, lock: bool = False) -> UserRow:
    """The row of a user; with ``lock``, nobody else who asks so gets it meanwhile.

    Raises:
        NotFound: there is none.
    """
    row = session.get(UserRow, user_id, with_for_update={"key_share": True} if lock else None)
    if row is None:
        raise NotFound(f"there is no user {user_id}")
    return row


def end_sessions(session: Session, row: UserRow) -> None:
    """No token that was issued to this user before is good for anything."""
    row.epoch += 1
    session.execute(update(RefreshTokenRow).where(RefreshTokenRow.user_id == row.id).values(revoked=True))


def find_user(session: Session, name: str) -> UserRow | None:
    """The row of the user of this name, which is normal; ``None`` where there is none."""
    return session.scalar(select(UserRow).where(UserRow.name == name))


def load_spared(session: Session, user_id: int) -> UserRow:
    """The row of a user who is not the last active admin; of two who go at once, the second finds the first gone.

    Raises:
        NotFound: there is no such user.
        Conflict: they are the last.
    """
    active = UserRow.admin, UserRow.active
    admins = session.scalars(
        select(UserRow.id).where(*active).order_by(UserRow.id).with_for_update(key_share=True)
    ).all()
    if admins == [user_id]:
        raise Conflict("this is the last active admin: make somebody else one first")
    return load_user(session, user_id, lock=True)
