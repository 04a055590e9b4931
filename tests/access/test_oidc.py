from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx
import jwt
import pytest
from accounts import cheap, some_user
from sqlalchemy import select

from alframe.access import elsewhere as elsewhere_answers
from alframe.access.oidc import Begun, Provider, SignInElsewhere, challenge
from alframe.access.roles import Roles
from alframe.access.users import User, Users
from alframe.errors import ConfigurationError, NotSignedIn, Unavailable
from alframe.storage.service import ServiceDatabase
from alframe.storage.service.tables import AuditRow

rsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.rsa")

SECRET = b"0123456789abcdef0123456789abcdef"
BACK = "https://labels.example/api/session/oidc"
KEY = rsa.generate_private_key(65537, 2048)
FOREIGN = rsa.generate_private_key(65537, 2048)


class Issuer:
    """A small provider on this machine: it checks what a provider checks, and vouches for whoever ``person`` is."""

    def __init__(self) -> None:
        self.person: dict[str, Any] = {"sub": "17", "email": "Ann@labels.example", "email_verified": True}
        self.sign: Callable[[dict[str, Any]], str] = lambda claims: jwt.encode(claims, KEY, "RS256", {"kid": "one"})
        self.named: str | None = None
        self.key = "one"
        self._codes: dict[str, dict[str, str]] = {}
        issuer = self

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                match parts.path:
                    case "/.well-known/openid-configuration":
                        self.tell(200, issuer.metadata())
                    case "/keys":
                        key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key()))
                        self.tell(200, {"keys": [{**key, "kid": issuer.key, "alg": "RS256", "use": "sig"}]})
                    case "/authorize":
                        self.send_response(302)
                        self.send_header("Location", issuer.authorize(dict(parse_qsl(parts.query))))
                        self.end_headers()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                status, told = issuer.token(dict(parse_qsl(body)), self.headers["Authorization"])
                self.tell(status, told)

            def tell(self, status: int, told: dict[str, Any]) -> None:
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(told).encode())

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.named or self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
        }

    def authorize(self, asked: dict[str, str]) -> str:
        assert asked["response_type"] == "code"
        assert "openid" in asked["scope"].split()
        assert (asked["client_id"], asked["redirect_uri"]) == ("alframe", BACK)
        code = f"code-{len(self._codes)}"
        self._codes[code] = asked
        return f"{BACK}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, sent: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        asked = self._codes.pop(sent["code"], None)
        if (
            asked is None
            or authorization != "Basic " + b64encode(b"alframe:pass+word%2F").decode()
            or sent["grant_type"] != "authorization_code"
            or sent["redirect_uri"] != BACK
            or challenge(sent["code_verifier"]) != asked["code_challenge"]
        ):
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {"iss": self.url, "aud": "alframe", "iat": now, "exp": now + 60, "nonce": asked["nonce"]}
        return 200, {"token_type": "Bearer", "access_token": "-", "id_token": self.sign({**claims, **self.person})}


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    running = Issuer()
    thread = Thread(target=running.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    running.server.shutdown()
    thread.join()
    running.server.server_close()


def elsewhere(database: ServiceDatabase, issuer: Issuer, *, create: bool = False) -> SignInElsewhere:
    return SignInElsewhere(database, Provider(issuer.url, "alframe", "pass word/", BACK, create), SECRET)


def sent_back(begun: Begun) -> tuple[str, str]:
    """State and code, as the browser brings them from the provider."""
    query = parse_qs(urlsplit(httpx.get(begun.url).headers["Location"]).query)
    return query["state"][0], query["code"][0]


def signed_in(database: ServiceDatabase, issuer: Issuer, *, create: bool = False) -> User:
    signing_in = elsewhere(database, issuer, create=create)
    begun = signing_in.begin()
    return signing_in.finish(begun.sealed, *sent_back(begun))


def test_who_is_named_for_a_verified_address_comes_in(database: ServiceDatabase, issuer: Issuer) -> None:
    """And is known by the provider's own name for them from then on, whatever their address becomes."""
    users = Users(database, cheap())
    ann, once = users.create("ann@labels.example", by="root")
    assert once is not None
    user = signed_in(database, issuer)
    assert user.id == ann.id
    assert not user.must_change
    with pytest.raises(NotSignedIn):
        users.sign_in("ann@labels.example", once)  # the password for once is void
    issuer.person = {"sub": "17", "email": "married@labels.example", "email_verified": False}
    assert signed_in(database, issuer).id == ann.id
    with database.read() as session:
        actions = session.scalars(select(AuditRow.action).order_by(AuditRow.entry)).all()
    assert actions == ["user.create", "user.link", "user.sign_in", "user.sign_in"]


def test_whoever_the_provider_knows_may_become_a_user_without_a_role(database: ServiceDatabase, issuer: Issuer) -> None:
    with pytest.raises(NotSignedIn, match="no account"):
        signed_in(database, issuer)
    user = signed_in(database, issuer, create=True)
    assert (user.name, user.admin) == ("ann@labels.example", False)
    assert Roles(database).of(user.id) == {}
    assert signed_in(database, issuer) == user


PEOPLE: dict[str, dict[str, Any]] = {
    "an address that nobody verified": {"email_verified": False},
    "an address of which nothing is said": {"email_verified": None},
    "a string that says true": {"email_verified": "true"},
    "no address": {"email": None},
    "an address that is no name": {"email": "a\u200bnn@labels.example"},
    "a name that is linked to another account": {"sub": "18", "email": "bob@labels.example"},
    "a disabled user": {"sub": "19", "email": "eve@labels.example"},
}


def test_who_may_not_come_in_does_not(database: ServiceDatabase, issuer: Issuer) -> None:
    person = issuer.person
    issuer.person = {**person, "sub": "20", "email": "bob@labels.example"}
    signed_in(database, issuer, create=True)
    Users(database, cheap()).disable(some_user(database, "eve@labels.example").id, by="root")
    for kind, change in PEOPLE.items():
        issuer.person = {**person, **change}
        with pytest.raises(NotSignedIn):
            signed_in(database, issuer, create=True)
        assert len(Users(database, cheap()).all()) == 2, kind


def forged(**changes: Any) -> Callable[[dict[str, Any]], str]:
    return lambda claims: jwt.encode({**claims, **changes}, KEY, "RS256", {"kid": "one"})


FORGED: dict[str, Callable[[dict[str, Any]], str]] = {
    "by another key": lambda claims: jwt.encode(claims, FOREIGN, "RS256", {"kid": "one"}),
    "by a key that is not there": lambda claims: jwt.encode(claims, KEY, "RS256", {"kid": "two"}),
    "by nobody": lambda claims: jwt.encode(claims, "", "none", {"kid": "one"}),
    "with a secret": lambda claims: jwt.encode(claims, SECRET, "HS256", {"kid": "one"}),
    "to another question": forged(nonce="other"),
    "for another client": forged(aud="other"),
    "given to another client": forged(aud=["alframe", "other"], azp="other"),
    "of another provider": forged(iss="https://other.example"),
    "out of date": forged(exp=int(time.time()) - 60),
    "nonsense": lambda _: "é",
}


@pytest.mark.parametrize("sign", FORGED.values(), ids=FORGED.keys())
def test_an_identity_that_cannot_be_checked_is_refused(
    lone: ServiceDatabase, issuer: Issuer, sign: Callable[[dict[str, Any]], str]
) -> None:
    issuer.sign = sign
    issuer.person["email"] = "ann"
    with pytest.raises(NotSignedIn):
        signed_in(lone, issuer)


def test_only_who_began_can_finish_and_only_once(database: ServiceDatabase, issuer: Issuer) -> None:
    """The state and the seal hold an answer to a browser, and PKCE a code to whoever asked for it."""
    signing_in = elsewhere(database, issuer, create=True)
    mine, theirs = signing_in.begin(), signing_in.begin()
    state, code = sent_back(theirs)
    with pytest.raises(NotSignedIn, match="this browser"):
        signing_in.finish(mine.sealed, state, code)
    with pytest.raises(NotSignedIn, match="does not answer as it should"):
        signing_in.finish(mine.sealed, sent_back(mine)[0], code)
    forged_seal = jwt.encode({"state": state, "aud": "alframe-oidc", "iss": "alframe", "exp": 2**33}, SECRET[::-1])
    for sealed in (forged_seal, ""):
        with pytest.raises(NotSignedIn, match="did not begin here"):
            signing_in.finish(sealed, state, code)
    state, code = sent_back(mine)
    assert signing_in.finish(mine.sealed, state, code).id == 1
    with pytest.raises(NotSignedIn):
        signing_in.finish(mine.sealed, state, code)


def test_another_provider_than_the_one_named_is_not_believed(lone: ServiceDatabase, issuer: Issuer) -> None:
    issuer.named = "https://other.example"
    with pytest.raises(NotSignedIn, match="not the provider"):
        elsewhere(lone, issuer).begin()


def test_a_provider_that_does_not_answer_lets_nobody_in(lone: ServiceDatabase) -> None:
    provider = Provider("http://127.0.0.1:9", "alframe", "secret", BACK)
    signing_in = SignInElsewhere(lone, provider, SECRET)
    for _ in range(2):
        with pytest.raises(Unavailable, match="does not answer"):
            signing_in.begin()


def test_a_provider_is_asked_seldom_however_often_somebody_begins(
    database: ServiceDatabase, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody may begin, and each time the provider would be asked; a failure is not repeated at once either."""
    asked: list[str] = []
    request = httpx.request

    def counted(method: str, url: str, **sent: Any) -> httpx.Response:
        asked.append(urlsplit(url).path)
        return request(method, url, **sent)

    monkeypatch.setattr(httpx, "request", counted)
    signing_in = elsewhere(database, issuer, create=True)
    for _ in range(20):
        begun = signing_in.begin()
    assert signing_in.finish(begun.sealed, *sent_back(begun)).id == 1
    begun = signing_in.begin()
    assert signing_in.finish(begun.sealed, *sent_back(begun)).id == 1
    assert asked == ["/.well-known/openid-configuration", "/token", "/keys", "/token"]
    away = SignInElsewhere(database, Provider("http://127.0.0.1:9", "alframe", "secret", BACK), SECRET)
    asked.clear()
    for _ in range(5):
        with pytest.raises(Unavailable):
            away.begin()
    assert len(asked) == 1


def test_who_waits_for_a_provider_that_is_asked_already_does_not_wait_long(
    lone: ServiceDatabase, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elsewhere_answers, "PATIENCE", 0.01)
    signing_in = elsewhere(lone, issuer)
    asking, over = Event(), Event()
    metadata = issuer.metadata()

    def slow() -> dict[str, Any]:
        asking.set()
        over.wait(60)
        return metadata

    monkeypatch.setattr(issuer, "metadata", slow)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(signing_in.begin)
        asking.wait()
        with pytest.raises(Unavailable, match="slow"):
            signing_in.begin()
        over.set()
        assert first.result().url.startswith(issuer.url)


def test_a_key_that_is_new_is_asked_for(database: ServiceDatabase, issuer: Issuer) -> None:
    signing_in = elsewhere(database, issuer, create=True)
    for name in ("one", "two"):
        issuer.key = name
        issuer.sign = lambda claims, name=name: jwt.encode(claims, KEY, "RS256", {"kid": name})  # type: ignore[misc]
        begun = signing_in.begin()
        assert signing_in.finish(begun.sealed, *sent_back(begun)).id == 1


@pytest.mark.parametrize("issuer_url", ["http://login.example", "login.example", "ftp://login.example"])
def test_a_provider_is_reached_by_https(issuer_url: str) -> None:
    with pytest.raises(ConfigurationError, match="https"):
        Provider(issuer_url, "alframe", "secret", BACK)


def test_secrets_are_not_printed() -> None:
    assert "hidden" not in repr(Provider("https://login.example", "alframe", "hidden", BACK))
