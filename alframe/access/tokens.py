"""Who asks: short access tokens that are signed, and refresh tokens that are good for one use each."""

from __future__ import annotations

import hashlib
import secrets
import time
import uuid
from dataclasses import dataclass
from typing import Any

import jwt
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from alframe.access.rows import load_user
from alframe.access.users import User, as_user
from alframe.errors import NotSignedIn
from alframe.storage.service import ServiceDatabase, database_now, record
from alframe.storage.service.tables import RefreshTokenRow, UserRow

ALGORITHM = "HS256"
ISSUER = AUDIENCE = "alframe"
CLAIMS = ("sub", "iat", "exp", "jti", "aud", "iss", "epoch")
SKEW = 10.0
"""Seconds by which the clocks of two servers may differ."""

REFRESH_LIFETIME = 14 * 86_400.0
"""Seconds after which somebody who was not there signs in again."""

GRACE = 10.0
"""Seconds within which a refresh token that comes twice is refused and no more: two tabs of one browser ask at once."""


@dataclass(frozen=True)
class TokenPair:
    """An access token, how many seconds it is good for, and the refresh token that a new pair is given for."""

    access: str
    refresh: str
    expires_in: float


class Tokens:
    """Issues tokens, and says whose they are.

    An access token names its user and is signed; the user is looked up every time, so that one who was disabled or has
    another password is refused at once. Of refresh tokens the database has hashes only.

    Args:
        database: the service's.
        secret: what access tokens are signed with; see ``service_secret``.
        lifetime: seconds for which an access token is good.
        grace: see ``GRACE``.

    Raises:
        ConfigurationError: the secret is too short.
    """

    def __init__(
        self, database: ServiceDatabase, secret: bytes, lifetime: float = 900.0, *, grace: float = GRACE
    ) -> None:
        self._database = database
        self._secret = secret
        self._lifetime = lifetime
        self._grace = grace

    def issue(self, user: User) -> TokenPair:
        """A first pair, for somebody who has just signed in.

        Raises:
            NotSignedIn: the user was changed since.
        """
        with self._database.write() as session:
            row = load_user(session, user.id, lock=True)
            if not row.active or row.epoch != user.epoch:
                raise NotSignedIn("sign in again")
            mine = RefreshTokenRow.user_id == user.id
            session.execute(delete(RefreshTokenRow).where(mine, RefreshTokenRow.expires_at < database_now()))
            return self._pair(session, row, uuid.uuid4().hex)

    def refresh(self, token: str) -> TokenPair:
        """A new pair for a refresh token, which is used up by that.

        One that comes a second time has been stolen, or its successor has: all that descend from the same signing in
        are revoked.

        Raises:
            NotSignedIn: it is unknown, used up, too old or revoked.
        """
        this = RefreshTokenRow.sha256 == _hash(token)
        good = RefreshTokenRow.used_at.is_(None), ~RefreshTokenRow.revoked, RefreshTokenRow.expires_at > database_now()
        with self._database.write() as session:
            found = session.execute(select(RefreshTokenRow.user_id, RefreshTokenRow.family).where(this)).one_or_none()
            if found is not None:
                user = load_user(session, found.user_id, lock=True)  # before its tokens, as whoever ends sessions does
                use = update(RefreshTokenRow).where(this, *good).values(used_at=database_now())
                if session.scalar(use.returning(RefreshTokenRow.id)) is not None and user.active:
                    return self._pair(session, user, found.family)
                self._suspect(session, user, token)
        raise NotSignedIn("sign in again")

    def revoke(self, token: str) -> None:
        """End the session that a refresh token belongs to; its access token is good until it runs out."""
        with self._database.write() as session:
            family = select(RefreshTokenRow.family).where(RefreshTokenRow.sha256 == _hash(token)).scalar_subquery()
            session.execute(update(RefreshTokenRow).where(RefreshTokenRow.family == family).values(revoked=True))

    def user(self, access: str) -> User:
        """Whose access token this is.

        Raises:
            NotSignedIn: it is none of ours, has run out, or its user may not come in any more.
        """
        try:
            claims: dict[str, Any] = jwt.decode(
                access,
                self._secret,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                leeway=SKEW,
                options={"require": list(CLAIMS)},
            )
            user_id = int(claims["sub"])
        except (jwt.InvalidTokenError, ValueError) as error:
            raise NotSignedIn("the access token is not valid, or no longer: refresh it") from error
        with self._database.read() as session:
            row = session.get(UserRow, user_id)
        if row is None or not row.active or row.epoch != claims["epoch"]:
            raise NotSignedIn("sign in again")
        return as_user(row)

    def _pair(self, session: Session, user: UserRow, family: str) -> TokenPair:
        refresh = secrets.token_urlsafe(32)
        expires_at = database_now() + REFRESH_LIFETIME
        row = RefreshTokenRow(user_id=user.id, sha256=_hash(refresh), family=family, expires_at=expires_at)
        session.add(row)
        now = time.time()
        claims = {
            "sub": str(user.id),
            "iat": int(now),
            "exp": int(now + self._lifetime),
            "jti": uuid.uuid4().hex,
            "aud": AUDIENCE,
            "iss": ISSUER,
            "epoch": user.epoch,
        }
        return TokenPair(jwt.encode(claims, self._secret, ALGORITHM), refresh, self._lifetime)

    def _suspect(self, session: Session, user: UserRow, token: str) -> None:
        """Revoke the family of a token that was used before, and not just now."""
        used = RefreshTokenRow.sha256 == _hash(token), RefreshTokenRow.used_at < database_now() - self._grace
        family = session.scalar(select(RefreshTokenRow.family).where(*used, ~RefreshTokenRow.revoked))
        if family is not None:
            session.execute(update(RefreshTokenRow).where(RefreshTokenRow.family == family).values(revoked=True))
            record(session, user.name, "token.reuse", f"user/{user.id}", {"family": family})


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
