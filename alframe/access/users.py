"""The users of a service: who they are, and signing in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from alframe.access.attempts import count_attempt, forget_attempts, know_address
from alframe.access.names import NOBODYS, normal_name
from alframe.access.passwords import Passwords, acceptable, one_time_password
from alframe.access.rows import end_sessions, find_user, load_spared, load_user
from alframe.errors import Conflict, InvalidInput, NotFound, NotSignedIn
from alframe.storage.service import ServiceDatabase, record
from alframe.storage.service.tables import UserRow

FIRST = "admin"
"""The name of the first user."""


@dataclass(frozen=True)
class User:
    """Somebody who may sign in.

    Attributes:
        id: names them in the database.
        name: names them to people; normalised, see ``normal_name``.
        admin: whether they may do everything.
        active: whether they may sign in.
        must_change: whether they have to choose a password before anything else.
        epoch: sessions that began under another number are over.
        created_at: when they were added, UTC.
    """

    id: int
    name: str
    admin: bool
    active: bool
    must_change: bool
    epoch: int
    created_at: datetime


class Users:
    """The users of a service.

    Args:
        database: the service's.
        passwords: how passwords are hashed.
    """

    def __init__(self, database: ServiceDatabase, passwords: Passwords | None = None) -> None:
        self._database = database
        self._passwords = passwords or Passwords()

    def create(
        self, name: str, password: str | None = None, *, admin: bool = False, by: str
    ) -> tuple[User, str | None]:
        """Add a user; without a password they get one for once, given back here and kept nowhere.

        Raises:
            Conflict: the name is taken.
            InvalidInput: no such name or password is allowed.
        """
        name = normal_name(name)
        new = None if password else one_time_password()
        row = UserRow(name=name, admin=admin, password=self._hash(password or new or "", name), must_change=bool(new))
        try:
            with self._database.write() as session:
                session.add(row)
                session.flush()
                record(session, by, "user.create", f"user/{row.id}", {"name": name, "admin": admin})
        except IntegrityError as error:
            raise Conflict(f"there is a user {name!r} already; choose another name") from error
        return as_user(row), new

    def get(self, user_id: int) -> User:
        """The user of this id.

        Raises:
            NotFound: there is none.
        """
        with self._database.read() as session:
            return as_user(load_user(session, user_id))

    def named(self, name: str) -> User:
        """The user of this name.

        Raises:
            NotFound: there is none.
        """
        with self._database.read() as session:
            row = find_user(session, normal_name(name))
            if row is None:
                raise NotFound(f"there is no user {name!r}")
            return as_user(row)

    def all(self) -> list[User]:
        """Every user, in the order they were added."""
        with self._database.read() as session:
            return [as_user(row) for row in session.scalars(select(UserRow).order_by(UserRow.id))]

    def sign_in(self, name: str, password: str, address: str = "") -> User:
        """Who this is. Nothing tells whether it was the name or the password that is wrong.

        Args:
            name: as they write it.
            password: as they type it.
            address: where they sit; empty on this machine.

        Raises:
            NotSignedIn: a wrong name or password, or the user is disabled.
            TooMany: it was wrong too often, see ``attempts``.
            Unavailable: too many sign in at once.
        """
        try:
            name = normal_name(name)
        except InvalidInput:
            name = NOBODYS
        user = self._verified(name, password, address)
        with self._database.write() as session:
            record(session, user.name, "user.sign_in", f"user/{user.id}")
        return user

    def change_password(self, user_id: int, old: str, new: str, address: str = "") -> User:
        """Another password, chosen by the user; all their sessions end.

        Raises:
            NotSignedIn: the old one is wrong.
            TooMany: it was wrong too often.
            InvalidInput: the new one is not allowed, or is the old one.
        """
        user = self._verified(self.get(user_id).name, old, address)
        if new == old:
            raise InvalidInput("the new password is the old one: choose another")
        return self._set_password(user, self._hash(new, user.name), must_change=False, by=user.name)

    def reset_password(self, user_id: int, *, by: str) -> str:
        """A password for once, for somebody who has lost theirs; all their sessions end.

        Raises:
            NotFound: no such user.
        """
        user, new = self.get(user_id), one_time_password()
        self._set_password(user, self._hash(new, user.name), must_change=True, by=by)
        return new

    def disable(self, user_id: int, *, by: str) -> User:
        """Nobody signs in as this user any more; all their sessions end.

        Raises:
            NotFound: no such user.
            Conflict: it is the last active admin.
        """
        with self._database.write() as session:
            row = load_spared(session, user_id)
            row.active = False
            end_sessions(session, row)
            record(session, by, "user.disable", f"user/{user_id}")
            return as_user(row)

    def enable(self, user_id: int, *, by: str) -> User:
        """The user may sign in again.

        Raises:
            NotFound: no such user.
        """
        with self._database.write() as session:
            row = load_user(session, user_id, lock=True)
            row.active = True
            record(session, by, "user.enable", f"user/{user_id}")
            return as_user(row)

    def set_admin(self, user_id: int, admin: bool, *, by: str) -> User:
        """Make the user an admin, or no longer one.

        Raises:
            NotFound: no such user.
            Conflict: it is the last active admin.
        """
        with self._database.write() as session:
            row = load_user(session, user_id, lock=True) if admin else load_spared(session, user_id)
            row.admin = admin
            record(session, by, "user.set_admin", f"user/{user_id}", {"admin": admin})
            return as_user(row)

    def _hash(self, password: str, name: str) -> str:
        return self._passwords.hash(acceptable(password, name))

    def _set_password(self, user: User, hashed: str, *, must_change: bool, by: str) -> User:
        with self._database.write() as session:
            row = load_user(session, user.id, lock=True)
            row.password, row.must_change = hashed, must_change
            end_sessions(session, row)
            forget_attempts(session, row.name)
            record(session, by, "user.set_password", f"user/{user.id}")
            return as_user(row)

    def _verified(self, name: str, password: str, address: str) -> User:
        count_attempt(self._database, name, address)
        with self._database.read() as session:
            row = find_user(session, name)
        known = row.password if row is not None and row.active else ""
        right, newer = self._passwords.verify(password, known)
        if row is None or not right:
            raise NotSignedIn("wrong name or password")
        with self._database.write() as session:
            row = load_user(session, row.id, lock=True)
            if not row.active or row.password != known:
                raise NotSignedIn("the user has just been changed: try again")
            row.password = newer or known
            know_address(session, name, address)
            return as_user(row)


def first_admin(database: ServiceDatabase, passwords: Passwords | None = None) -> str | None:
    """Add the user ``admin`` to a service that has no users; its password for once, ``None`` where there are some."""
    users = Users(database, passwords)
    if users.all():
        return None
    try:
        return users.create(FIRST, admin=True, by="system")[1]
    except Conflict:
        return None  # another server of the same service was first


def as_user(row: UserRow) -> User:
    """What is said of a row of users; the hash of the password is not."""
    return User(row.id, row.name, row.admin, row.active, row.must_change, row.epoch, row.created_at)
