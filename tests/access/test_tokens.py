from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import jwt
import pytest
from accounts import GOOD, cheap, some_user
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from alframe.access.tokens import CLAIMS, REFRESH_LIFETIME, TokenPair, Tokens
from alframe.access.users import User, Users
from alframe.errors import NotSignedIn
from alframe.storage.service import ServiceDatabase
from alframe.storage.service.tables import AuditRow, RefreshTokenRow

SECRET = b"0123456789abcdef0123456789abcdef"


def claims(user: User, **changes: Any) -> dict[str, Any]:
    """What a good token says of ``user``, with changes; ``None`` leaves a claim out."""
    now = time.time()
    good = {"sub": str(user.id), "iat": now, "exp": now + 900, "jti": "1", "aud": "alframe", "iss": "alframe"}
    return {name: value for name, value in {**good, "epoch": user.epoch, **changes}.items() if value is not None}


def test_a_token_says_who_asks(database: ServiceDatabase) -> None:
    tokens = Tokens(database, SECRET)
    ann, bob = some_user(database, "ann"), some_user(database, "bob")
    pair = tokens.issue(ann)
    assert pair.expires_in == 900
    assert tokens.user(pair.access) == ann
    assert tokens.user(tokens.issue(bob).access) == bob
    assert tokens.user(jwt.encode(claims(ann), SECRET, "HS256")) == ann  # what the refused ones below are changed from


FORGED: dict[str, Callable[[User], str]] = {
    "another secret": lambda user: jwt.encode(claims(user), SECRET[::-1], "HS256"),
    "no signature": lambda user: jwt.encode(claims(user), "", "none"),
    "another algorithm": lambda user: jwt.encode(claims(user), SECRET * 2, "HS512"),
    "out of date": lambda user: jwt.encode(claims(user, exp=time.time() - 60), SECRET, "HS256"),
    "not yet": lambda user: jwt.encode(claims(user, iat=time.time() + 3600), SECRET, "HS256"),
    "somebody else's": lambda user: jwt.encode(claims(user, iss="other"), SECRET, "HS256"),
    "for something else": lambda user: jwt.encode(claims(user, aud="other"), SECRET, "HS256"),
    "nobody": lambda user: jwt.encode(claims(user, sub="99"), SECRET, "HS256"),
    "no number": lambda user: jwt.encode(claims(user, sub="ann"), SECRET, "HS256"),
    "another epoch": lambda user: jwt.encode(claims(user, epoch=7), SECRET, "HS256"),
    "empty": lambda _: "",
    "not ASCII": lambda _: "é.ü.\ud800",
} | {
    f"without {claim}": lambda user, claim=claim: jwt.encode(claims(user, **{claim: None}), SECRET, "HS256")
    for claim in CLAIMS
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED.keys())
def test_a_token_that_is_not_ours_is_refused(lone: ServiceDatabase, forge: Callable[[User], str]) -> None:
    with pytest.raises(NotSignedIn):
        Tokens(lone, SECRET).user(forge(Users(lone, cheap()).named("ann")))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text())
def test_nonsense_is_refused(lone: ServiceDatabase, nonsense: str) -> None:
    with pytest.raises(NotSignedIn):
        Tokens(lone, SECRET).user(nonsense)
    with pytest.raises(NotSignedIn):
        Tokens(lone, SECRET).refresh(nonsense)
    Tokens(lone, SECRET).revoke(nonsense)


@pytest.mark.parametrize("change", ["disable", "reset_password", "change_password"])
def test_a_change_of_the_user_ends_every_session(database: ServiceDatabase, change: str) -> None:
    users, tokens = Users(database, cheap()), Tokens(database, SECRET)
    ann, bob = some_user(database, "ann"), some_user(database, "bob")
    pair, bobs = tokens.issue(ann), tokens.issue(bob)
    if change == "change_password":
        users.change_password(ann.id, GOOD, "another password")
    else:
        getattr(users, change)(ann.id, by="root")
    with pytest.raises(NotSignedIn):
        tokens.user(pair.access)
    with pytest.raises(NotSignedIn):
        tokens.refresh(pair.refresh)
    with pytest.raises(NotSignedIn):
        tokens.issue(ann)  # signed in just before, under the old epoch
    users.enable(ann.id, by="root")
    with pytest.raises(NotSignedIn):
        tokens.user(pair.access)
    assert tokens.user(tokens.refresh(bobs.refresh).access) == bob


def test_what_a_user_becomes_holds_for_tokens_they_have(database: ServiceDatabase) -> None:
    tokens = Tokens(database, SECRET)
    ann = some_user(database)
    pair = tokens.issue(ann)
    Users(database, cheap()).set_admin(ann.id, True, by="root")
    assert tokens.user(pair.access) == replace(ann, admin=True)


def test_a_refresh_token_is_good_once(database: ServiceDatabase) -> None:
    tokens = Tokens(database, SECRET)
    ann = some_user(database)
    first = tokens.issue(ann)
    second = tokens.refresh(first.refresh)
    assert second.refresh != first.refresh
    assert tokens.user(second.access) == ann
    with pytest.raises(NotSignedIn):
        tokens.refresh(first.refresh)


def test_one_that_comes_again_later_ends_what_came_of_it(database: ServiceDatabase) -> None:
    """Of a stolen token and its successor it does not matter which comes first; other sessions go on."""
    tokens = Tokens(database, SECRET, grace=-1.0)
    ann = some_user(database)
    first, elsewhere = tokens.issue(ann), tokens.issue(ann)
    second = tokens.refresh(first.refresh)
    for token in (first.refresh, second.refresh):
        with pytest.raises(NotSignedIn):
            tokens.refresh(token)
    assert tokens.user(tokens.refresh(elsewhere.refresh).access) == ann
    with database.read() as session:
        assert session.scalars(select(AuditRow.action)).all().count("token.reuse") == 1


def test_two_tabs_that_ask_at_once_stay_signed_in(database: ServiceDatabase) -> None:
    """One of eight gets a pair, the others nothing, and the pair is good."""
    tokens = Tokens(database, SECRET)
    ann = some_user(database)
    shared = tokens.issue(ann).refresh

    def refresh(_: int) -> TokenPair | None:
        try:
            return tokens.refresh(shared)
        except NotSignedIn:
            return None

    with ThreadPoolExecutor(8) as pool:
        pairs = [pair for pair in pool.map(refresh, range(8)) if pair]
    assert len(pairs) == 1
    assert tokens.user(tokens.refresh(pairs[0].refresh).access) == ann


def test_signing_out_ends_one_session(database: ServiceDatabase) -> None:
    tokens = Tokens(database, SECRET)
    ann = some_user(database)
    here, there = tokens.issue(ann), tokens.issue(ann)
    later = tokens.refresh(here.refresh)
    tokens.revoke(here.refresh)  # of the same session, though used up
    with pytest.raises(NotSignedIn):
        tokens.refresh(later.refresh)
    assert tokens.user(tokens.refresh(there.refresh).access) == ann


def test_refresh_tokens_run_out_and_are_swept_away(database: ServiceDatabase) -> None:
    tokens = Tokens(database, SECRET)
    ann = some_user(database)
    old = tokens.issue(ann)
    with database.write() as session:
        session.execute(update(RefreshTokenRow).values(expires_at=RefreshTokenRow.expires_at - REFRESH_LIFETIME))
    with pytest.raises(NotSignedIn):
        tokens.refresh(old.refresh)
    tokens.issue(ann)
    with database.read() as session:
        assert len(session.scalars(select(RefreshTokenRow)).all()) == 1


def test_the_database_has_no_token_that_could_be_used(database: ServiceDatabase) -> None:
    pair = Tokens(database, SECRET).issue(some_user(database))
    with database.read() as session:
        stored = [str(vars(row)) for row in session.scalars(select(RefreshTokenRow))]
    assert len(stored) == 1
    assert pair.refresh not in stored[0]
    assert len(pair.refresh) >= 43  # 256 bits
