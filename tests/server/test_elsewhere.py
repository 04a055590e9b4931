"""Signing in with an organisation's account: the browser is sent there, and comes back signed in or not at all."""

from __future__ import annotations

import pytest
from served import Served, problem

from alframe.access.oidc import Begun
from alframe.access.users import User
from alframe.errors import NotSignedIn


class Vouching:
    """An organisation's provider that vouches for one user, who brings back what they were given."""

    def __init__(self, user: User) -> None:
        self._user = user

    def begin(self) -> Begun:
        return Begun("https://accounts.example.org/?state=s", "sealed")

    def finish(self, sealed: str, state: str, code: str) -> User:
        if (sealed, state, code) != ("sealed", "s", "c"):
            raise NotSignedIn("sign in again")
        return self._user


@pytest.fixture
def vouched(service: Served) -> Served:
    vars(service.service)["elsewhere"] = Vouching(service.people["reviewer"])
    return service


def test_whoever_is_vouched_for_is_signed_in(vouched: Served) -> None:
    client = vouched.client()
    assert client.get("/api/health").json()["elsewhere"] is True
    sent = client.get("/api/session/elsewhere")
    assert (sent.status_code, sent.headers["location"]) == (303, "https://accounts.example.org/?state=s")
    assert {"HttpOnly", "SameSite=lax"} <= {part.strip() for part in sent.headers["set-cookie"].split(";")}
    back = client.get("/api/session/elsewhere/back", params={"state": "s", "code": "c"})
    assert (back.status_code, back.headers["location"]) == (303, "/")
    assert client.post("/api/session/refresh").json()["user"]["name"] == "reviewer"


@pytest.mark.parametrize(("begun", "state"), [(False, "s"), (True, "another")])
def test_whoever_did_not_begin_here_is_not(vouched: Served, begun: bool, state: str) -> None:
    client = vouched.client()
    if begun:
        client.get("/api/session/elsewhere")
    problem(client.get("/api/session/elsewhere/back", params={"state": state, "code": "c"}), 401)
    problem(client.post("/api/session/refresh"), 401)
