"""Passwords: what one has to be like, a new one for once, and argon2 hashes of them."""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from alframe.errors import ConfigurationError, InvalidInput, Unavailable

if TYPE_CHECKING:
    from pwdlib import PasswordHash

SHORTEST, LONGEST = 12, 1_000
"""Characters of a password. There is no rule about their kinds (NIST SP 800-63B, 5.1.1.2)."""

LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""What one-time passwords are made of: nothing that looks like something else."""

AT_ONCE = 4
"""Hashes that are made at the same time: each takes 64 MiB and a core."""

PATIENCE = 2.0
"""Seconds that one waits for its turn. Those who wait keep threads from other requests."""


class Passwords:
    """Hashes of passwords, slow to make on purpose, and no more than ``AT_ONCE`` at a time.

    Args:
        hasher: pwdlib's; by default argon2id with its recommended costs.
        patience: seconds that a hash waits for its turn.

    Raises:
        ConfigurationError: pwdlib is not installed.
    """

    def __init__(self, hasher: PasswordHash | None = None, patience: float = PATIENCE) -> None:
        self._hasher = hasher or _recommended()
        self._patience = patience
        self._turns = BoundedSemaphore(AT_ONCE)

    def hash(self, password: str) -> str:
        """The salted hash to keep of a password that is ``acceptable``.

        Raises:
            Unavailable: too many are made just now.
        """
        with self._turn():
            return self._hasher.hash(_composed(password))

    def verify(self, password: str, stored: str) -> tuple[bool, str | None]:
        """Whether ``stored`` is the password's hash; and a new hash, where the hasher's costs have grown since.

        It takes as long if nothing is stored, so that the time does not tell whose password there is.

        Raises:
            Unavailable: too many are made just now.
        """
        typed = _composed(password)
        with self._turn():
            nobodys = self._nobodys
            right, newer = self._hasher.verify_and_update(typed[:LONGEST], stored or nobodys)
        return right and bool(stored) and len(typed) <= LONGEST, newer

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._turns.acquire(timeout=self._patience):
            raise Unavailable("too many people sign in at once: try again")
        try:
            yield
        finally:
            self._turns.release()

    @cached_property
    def _nobodys(self) -> str:
        return self._hasher.hash(secrets.token_urlsafe())


def acceptable(password: str, name: str) -> str:
    """The password, if the user of this name may have it.

    Raises:
        InvalidInput: it is too short, too long, no text, or the name.
    """
    typed = _composed(password)
    if not SHORTEST <= len(typed) <= LONGEST:
        raise InvalidInput(f"a password has {SHORTEST} to {LONGEST:,} characters, this one {len(typed)}")
    if typed.casefold() == name:
        raise InvalidInput("a password is not the name: choose another")
    return password


def one_time_password() -> str:
    """A new password that people can read out and type: 20 random characters, 99 bits."""
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(5)) for _ in range(4))


def _composed(password: str) -> str:
    """The same characters, however a keyboard composes them; what is no text at all is nobody's password."""
    typed = unicodedata.normalize("NFKC", password[: 2 * LONGEST])
    return "" if any(unicodedata.category(letter) == "Cs" for letter in typed) else typed


def _recommended() -> PasswordHash:
    try:
        from pwdlib import PasswordHash
    except ModuleNotFoundError as error:
        raise ConfigurationError("passwords need the extra: pip install 'alframe[server]'") from error
    return PasswordHash.recommended()
