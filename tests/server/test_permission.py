"""Every route for every kind of caller: who gets in, who is told no, and for whom there is nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from fastapi import APIRouter
from served import ROLES, Served, problem, routes

from alframe.server import app
from alframe.server.app import PREFIX
from alframe.server.permission import Admin, Anybody, InProject, SignedIn, declared
from alframe.server.routes import ROUTERS

CALLERS = (None, "stranger", *ROLES)


@dataclass(frozen=True)
class Row:
    """Who may use a route at the least, how it answers them, and what has to be sent for that."""

    least: str
    status: int
    body: Any = None
    more: Mapping[str, Any] = field(default_factory=dict)


def fenced(**more: Any) -> Callable[[Served, str], Any]:
    return lambda made, who: {"fence": made.leases[who].fence, **more}


KEY = {"headers": {"Idempotency-Key": "once"}}
ZIP = {"Content-Type": "application/zip"}
EMPTY_ZIP = b"PK\x05\x06" + bytes(18)
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010800000000"
    "3a7e9b550000000a49444154789c6360000000020001"
    "e221bc330000000049454e44ae426082"
)
NEW_PASSWORD = lambda _, who: {"old": f"{who} has a secret", "new": "another secret of mine"}  # noqa: E731

TABLE = {
    "GET /health": Row("anybody", 200),
    "POST /session": Row("anybody", 401, {"name": "nobody", "password": "wrong"}),
    "POST /session/refresh": Row("anybody", 401),
    "DELETE /session": Row("anybody", 204),
    "GET /session/elsewhere": Row("anybody", 404),
    "GET /session/elsewhere/back": Row("anybody", 404, None, {"params": {"state": "a", "code": "b"}}),
    "GET /me": Row("signed in", 200),
    "PUT /me/password": Row("signed in", 200, NEW_PASSWORD),
    "GET /users": Row("admin", 200),
    "POST /users": Row("admin", 201, {"name": "new"}),
    "PATCH /users/{user}": Row("admin", 200, {"active": False}),
    "GET /projects": Row("signed in", 200),
    "POST /projects": Row("admin", 201, {"name": "plants", "kind": "detection", "classes": ["leaf"]}),
    "GET /projects/{project}": Row("viewer", 200),
    "PATCH /projects/{project}": Row("manager", 200, {"version": 1, "paused": True}),
    "POST /projects/{project}/auto-accept": Row("manager", 204),
    "GET /projects/{project}/examples": Row("annotator", 200),
    "GET /projects/{project}/members": Row("manager", 200),
    "PUT /projects/{project}/members/{user}": Row("manager", 204, {"role": "viewer"}),
    "DELETE /projects/{project}/members/{user}": Row("manager", 204),
    "POST /projects/{project}/leases": Row("annotator", 200),
    "GET /projects/{project}/leases": Row("annotator", 200),
    "POST /assignments/{assignment}/heartbeat": Row("annotator", 200, fenced()),
    "PUT /assignments/{assignment}/draft": Row("annotator", 204, fenced(body={"half": "done"})),
    "POST /assignments/{assignment}/pass": Row("annotator", 204, fenced(kind="skip")),
    "GET /assignments/{assignment}/prediction": Row("annotator", 200),
    "POST /assignments/{assignment}/submission": Row("annotator", 201, fenced(label=1), KEY),
    "GET /items/{item}/image": Row("annotator", 200),
    "GET /projects/{project}/items": Row("manager", 200),
    "PUT /projects/{project}/items/{item}/masks": Row("manager", 204, {"boxes": [[0.0, 0.0, 4.0, 4.0]]}),
    "GET /projects/{project}/views": Row("manager", 200),
    "POST /projects/{project}/express": Row("manager", 200, {"items": [3]}),
    "POST /projects/{project}/holds": Row("manager", 204, {"samples": ["image 5"], "reason": "no consent"}),
    "DELETE /projects/{project}/holds": Row("manager", 204, None, {"params": {"sample": "image 5"}}),
    "GET /projects/{project}/gold": Row("manager", 200),
    "POST /projects/{project}/gold": Row("manager", 204, {"item": 7, "label": 0}),
    "DELETE /projects/{project}/gold/{item}": Row("manager", 204),
    "GET /projects/{project}/reviews": Row("reviewer", 200),
    "GET /tasks/{task}": Row("reviewer", 200),
    "POST /tasks/{task}/decision": Row("reviewer", 201, {"label": 2}, KEY),
    "GET /projects/{project}/labels": Row("reviewer", 200),
    "GET /projects/{project}/export": Row("manager", 200),
    "POST /projects/{project}/import": Row("manager", 200, None, {"content": EMPTY_ZIP, "headers": ZIP}),
    "POST /projects/{project}/feedback": Row("manager", 201, None, {"files": {"image": PNG}, **KEY}),
    "GET /projects/{project}/statistics": Row("manager", 200),
    "GET /projects/{project}/webhooks": Row("manager", 200),
    "POST /projects/{project}/webhooks": Row(
        "manager", 201, {"url": "https://example.org/hook", "events": ["cycle.finished"]}
    ),
    "DELETE /projects/{project}/webhooks/{webhook}": Row("manager", 204),
    "GET /audit": Row("admin", 200),
    "GET /audit/verification": Row("admin", 200),
}


def expected(row: Row, who: str | None) -> int:
    if row.least == "anybody":
        return row.status
    if who is None:
        return 401
    if row.least == "signed in" or who == "admin":
        return row.status
    if row.least == "admin":
        return 403
    if who == "stranger":
        return 404
    return row.status if ROLES.index(who) >= ROLES.index(row.least) else 403


def ask(made: Served, name: str, who: str | None) -> httpx.Response:
    method, path = name.split()
    holder = who if who in made.leases else "annotator"
    assert holder is not None
    lease = made.leases[holder]
    item = made.items[7] if "gold" in path else lease.item_id
    path = path.format(
        project=made.animals.id,
        user=made.people["viewer"].id,
        assignment=lease.assignment_id,
        item=item,
        task=made.waiting,
        webhook=made.webhook,
    )
    row = TABLE[name]
    body = row.body(made, holder if row.body is not NEW_PASSWORD else who) if callable(row.body) else row.body
    more: dict[str, Any] = {**row.more} if body is None else {"json": body, **row.more}
    return made.client(who).request(method, f"{PREFIX}{path}", **more)


def test_every_route_stands_in_the_table_once() -> None:
    assert sorted(routes()) == sorted(TABLE)


@pytest.mark.parametrize("name", TABLE)
def test_a_route_declares_what_the_table_says(name: str) -> None:
    match declared(routes()[name]):
        case Anybody():
            least = "anybody"
        case SignedIn():
            least = "signed in"
        case Admin():
            least = "admin"
        case InProject(role):
            least = role.name
    assert least == TABLE[name].least


@pytest.mark.parametrize("name", TABLE)
def test_who_may_not_is_refused_and_nothing_is_written(looked_at: Served, name: str) -> None:
    refused = [who for who in CALLERS if expected(TABLE[name], who) != TABLE[name].status]
    before = looked_at.rows()
    for who in refused:
        problem(ask(looked_at, name, who), expected(TABLE[name], who))
    assert looked_at.rows() == before


@pytest.mark.parametrize("name", [name for name in TABLE if name.startswith("GET")])
def test_who_may_look_sees(looked_at: Served, name: str) -> None:
    for who in CALLERS:
        if expected(TABLE[name], who) == TABLE[name].status:
            assert ask(looked_at, name, who).status_code == TABLE[name].status, who


@pytest.mark.parametrize(
    ("name", "who"),
    [
        (name, who)
        for name, row in TABLE.items()
        for who in CALLERS
        if not name.startswith("GET") and expected(row, who) == row.status
    ],
)
def test_who_may_do_it_does(service: Served, name: str, who: str | None) -> None:
    assert ask(service, name, who).status_code == TABLE[name].status


def test_a_route_that_does_not_say_who_may_use_it_stops_the_app(
    looked_at: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Default deny: what was forgotten is found when the service starts, and not by a stranger."""
    careless = APIRouter()
    careless.get("/secrets")(lambda: "everything")
    monkeypatch.setattr(app, "ROUTERS", (*ROUTERS, careless))
    with pytest.raises(TypeError, match="/secrets"):
        app.create_app(looked_at.service)


def test_an_annotator_sees_only_images_they_hold_and_examples(service: Served) -> None:
    annotator = service.client("annotator")
    held, other, example = service.leases["annotator"].item_id, service.leases["reviewer"].item_id, service.items[0]
    statuses = [annotator.get(f"{PREFIX}/items/{item}/image").status_code for item in (held, other, example)]
    assert statuses == [200, 403, 200]


def test_an_assignment_of_somebody_else_is_not_answered(service: Served) -> None:
    lease = service.leases["reviewer"]
    path = f"{PREFIX}/assignments/{lease.assignment_id}"
    body = {"fence": lease.fence, "label": 1}
    problem(service.client("annotator").post(f"{path}/submission", json=body, headers=KEY["headers"]), 409)
    problem(service.client("annotator").post(f"{path}/heartbeat", json={"fence": lease.fence}), 409)
    assert service.client("reviewer").post(f"{path}/submission", json=body, headers=KEY["headers"]).status_code == 201


def test_who_has_a_password_for_once_can_do_nothing_but_change_it(service: Served) -> None:
    service.people["newcomer"], password = service.service.users.create("newcomer", admin=True, by="test")
    newcomer = service.client("newcomer")
    assert newcomer.get(f"{PREFIX}/me").json()["must_change"] is True
    for path in ("/projects", "/users", f"/projects/{service.animals.id}", f"/tasks/{service.waiting}"):
        assert "password" in problem(newcomer.get(f"{PREFIX}{path}"), 403)["detail"]
    body = {"old": password, "new": "a secret of my own"}
    changed = newcomer.put(f"{PREFIX}/me/password", json=body).json()
    newcomer.headers["Authorization"] = f"Bearer {changed['access_token']}"
    assert newcomer.get(f"{PREFIX}/users").status_code == 200
