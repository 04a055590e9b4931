"""Signing in with an organisation's account: OpenID Connect, by an authorization code with PKCE."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

import httpx
import jwt
from jwt.algorithms import has_crypto
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from alframe.access.elsewhere import Answers, ask
from alframe.access.names import normal_name
from alframe.access.tokens import ALGORITHM, ISSUER, SKEW
from alframe.access.users import User, as_user
from alframe.errors import ConfigurationError, InvalidInput, NotSignedIn
from alframe.storage.service import ServiceDatabase, record
from alframe.storage.service.tables import UserRow

SIGNED_WITH = ("RS256", "PS256", "ES256")
"""Signatures of ID tokens that are taken: by a key of the provider's own, which we do not have."""

SEALED_FOR = "alframe-oidc"
PATIENCE = 600.0
"""Seconds that somebody may take to sign in there."""

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True)
class Provider:
    """Where the organisation's accounts are.

    Attributes:
        issuer: its address, under which ``/.well-known/openid-configuration`` tells the rest.
        client_id: our name there.
        client_secret: our password there.
        redirect_uri: our page to which it sends people back, as registered there.
        create: whether whoever has a verified e-mail there becomes a user here, with no role; otherwise only users
            named for their e-mail come in.

    Raises:
        ConfigurationError: the issuer is not reached by https.
    """

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    create: bool = False

    def __post_init__(self) -> None:
        parts = urlsplit(self.issuer)
        if not parts.hostname or (parts.scheme != "https" and parts.hostname not in LOOPBACK):
            raise ConfigurationError(f"the issuer {self.issuer!r} must be an https address")


@dataclass(frozen=True)
class Begun:
    """Where to send somebody's browser, and what it has to bring back, in a cookie that no script reads."""

    url: str
    sealed: str


class SignInElsewhere:
    """Users who show who they are at the organisation's provider.

    Args:
        database: the service's.
        provider: where they do.
        secret: what is sealed between the two steps is signed with it; see ``service_secret``.

    Raises:
        ConfigurationError: the extra is not installed.
    """

    def __init__(self, database: ServiceDatabase, provider: Provider, secret: bytes) -> None:
        if not has_crypto:
            raise ConfigurationError("an organisation's accounts need the extra: pip install 'alframe[oidc]'")
        self._database = database
        self._provider = provider
        self._secret = secret
        self._answers = Answers()

    def begin(self) -> Begun:
        """The first step: off to the provider.

        Raises:
            NotSignedIn: it is not the provider that it should be.
            Unavailable: it does not answer.
        """
        kept = {name: secrets.token_urlsafe(32) for name in ("state", "nonce", "verifier")}
        asked = {
            "response_type": "code",
            "scope": "openid email",
            "client_id": self._provider.client_id,
            "redirect_uri": self._provider.redirect_uri,
            "state": kept["state"],
            "nonce": kept["nonce"],
            "code_challenge": challenge(kept["verifier"]),
            "code_challenge_method": "S256",
        }
        url = self._metadata()["authorization_endpoint"]
        claims = {**kept, "aud": SEALED_FOR, "iss": ISSUER, "exp": int(time.time() + PATIENCE)}
        sealed = jwt.encode(claims, self._secret, ALGORITHM)
        return Begun(f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(asked)}", sealed)

    def finish(self, sealed: str, state: str, code: str) -> User:
        """The second step: back with a code; who this is.

        Known by the provider's name for them; the first time, by an e-mail that the provider has verified.

        Raises:
            NotSignedIn: this is not what ``begin`` began, the provider does not vouch for them, or they are nobody
                here.
            Unavailable: the provider does not answer.
        """
        try:
            options: Any = {"require": ["exp", "aud", "iss"]}
            begun = jwt.decode(sealed, self._secret, [ALGORITHM], options=options, audience=SEALED_FOR, issuer=ISSUER)
        except jwt.InvalidTokenError as error:
            raise NotSignedIn("this took too long, or did not begin here: sign in again") from error
        if not hmac.compare_digest(begun["state"].encode(), state.encode(errors="replace")):
            raise NotSignedIn("this did not begin in this browser: sign in again")
        claims = self._claims(code, begun["verifier"])
        if claims["nonce"] != begun["nonce"]:
            raise NotSignedIn("the provider answers another question: sign in again")
        try:
            with self._database.write() as session:
                row = self._row(session, claims)
                record(session, row.name, "user.sign_in", f"user/{row.id}", {"issuer": self._provider.issuer})
                return as_user(row)
        except IntegrityError as error:
            raise NotSignedIn("somebody of this name has just come: sign in again") from error

    def _row(self, session: Session, claims: dict[str, Any]) -> UserRow:
        identity = f"{claims['iss']} {claims['sub']}"
        row = session.scalar(select(UserRow).where(UserRow.identity == identity))
        if row is None:
            row = self._newcomer(session, claims)
            row.identity = identity
            if row.must_change:  # the password for once was not needed
                row.password, row.must_change = "", False
            session.flush()
            record(session, row.name, "user.link", f"user/{row.id}", {"identity": identity})
        if not row.active:
            raise NotSignedIn("you have no account here, or it is disabled: ask an admin")
        return row

    def _newcomer(self, session: Session, claims: dict[str, Any]) -> UserRow:
        email = claims.get("email")
        if not isinstance(email, str) or claims.get("email_verified") is not True:
            raise NotSignedIn("the provider has not verified your e-mail address")
        try:
            name = normal_name(email)
        except InvalidInput as error:
            raise NotSignedIn(f"your e-mail address cannot be a name here: {error}") from error
        row = session.scalar(select(UserRow).where(UserRow.name == name))
        if row is None and self._provider.create:
            row = UserRow(name=name, active=True)
            session.add(row)
        if row is None or row.identity is not None:
            raise NotSignedIn("you have no account here, or it is disabled: ask an admin")
        return row

    def _claims(self, code: str, verifier: str) -> dict[str, Any]:
        metadata = self._metadata()
        asked = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._provider.redirect_uri,
            "code_verifier": verifier,
        }
        we = httpx.BasicAuth(quote_plus(self._provider.client_id), quote_plus(self._provider.client_secret))
        answer = ask("POST", metadata["token_endpoint"], data=asked, auth=we)
        try:
            token = str(answer["id_token"])
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key(metadata["jwks_uri"], jwt.get_unverified_header(token).get("kid")),
                SIGNED_WITH,
                options={"require": ["iss", "sub", "aud", "exp", "iat", "nonce"]},
                audience=self._provider.client_id,
                issuer=self._provider.issuer,
                leeway=SKEW,
            )
        except (jwt.PyJWTError, KeyError, UnicodeError) as error:
            raise NotSignedIn("the provider does not say who you are in a way that can be checked") from error
        if claims.get("azp", self._provider.client_id) != self._provider.client_id:
            raise NotSignedIn("the provider says who you are to somebody else")
        return claims

    def _metadata(self) -> dict[str, Any]:
        metadata = self._answers.get(self._provider.issuer.rstrip("/") + "/.well-known/openid-configuration")
        needed = {"authorization_endpoint", "token_endpoint", "jwks_uri"}
        if metadata.get("issuer") != self._provider.issuer or not needed <= metadata.keys():
            raise NotSignedIn(f"{self._provider.issuer} is not the provider it should be")
        return metadata

    def _key(self, url: str, name: str | None) -> jwt.PyJWK:
        """The key of this name; where it is a new one, the provider is asked for its keys again."""
        for anew in (False, True):
            keys = jwt.PyJWKSet.from_dict(self._answers.get(url, anew=anew)).keys
            fitting = [key for key in keys if name is None or key.key_id == name]
            if len(fitting) == 1:
                return fitting[0]
        raise jwt.InvalidKeyError(f"the provider has {len(fitting)} keys {name!r}")


def challenge(verifier: str) -> str:
    """What PKCE shows of a secret first (S256, RFC 7636)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
