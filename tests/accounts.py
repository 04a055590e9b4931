"""Users of the labelling service whose passwords cost little to check, for tests."""

from __future__ import annotations

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from alframe.access.passwords import Passwords
from alframe.access.users import User, Users
from alframe.storage.service import ServiceDatabase

GOOD = "a good password"


class CountingHasher(Argon2Hasher):
    """Argon2 at next to no cost, which remembers what passwords it looked at."""

    def __init__(self, time_cost: int = 1) -> None:
        super().__init__(time_cost=time_cost, memory_cost=8, parallelism=1)
        self.looked: list[str | bytes] = []

    def verify(self, password: str | bytes, hash: str | bytes) -> bool:  # noqa: A002 (pwdlib's name)
        self.looked.append(password)
        return super().verify(password, hash)


def cheap(hasher: CountingHasher | None = None) -> Passwords:
    return Passwords(PasswordHash((hasher or CountingHasher(),)))


def some_user(database: ServiceDatabase, name: str = "ann", *, admin: bool = False) -> User:
    """A user whose password is ``GOOD``."""
    return Users(database, cheap()).create(name, GOOD, admin=admin, by="root")[0]
