"""A labelling service with people, projects, items and leases, asked without a network, for tests of its API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from accounts import cheap
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import FastAPI
from fastapi.routing import APIRoute
from sqlalchemy import func, inspect, select, table

from alframe.access.roles import Role
from alframe.access.users import User, Users
from alframe.labelling import Answer, Lease, NewTask, Project, ProjectSettings, settle
from alframe.labelling.items import NewItem
from alframe.labelling.webhooks.outbox import Webhooks
from alframe.server import Service, create_app, open_folder
from alframe.server.routes import ROUTERS
from alframe.types import Prediction

CLASSES = ("cat", "dog", "owl")
ROLES = ("viewer", "annotator", "reviewer", "manager", "admin")
PAGE = "<!doctype html><title>the page</title>"
SIDE = 8
"""Pixels of an image."""


class InProcess(httpx.BaseTransport):
    """Gives requests to an ASGI app, as if it were a server; an error of the app is a response with 500."""

    def __init__(self, app: FastAPI, portal: BlockingPortal) -> None:
        self._app = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._portal = portal

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._portal.call(self._answer, request)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        answer = await self._app.handle_async_request(request)
        return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())


@dataclass
class Served:
    """A service at work, and who knows it.

    ``animals`` is a project of classes where everybody has the role that is their name, but for ``stranger``, who is
    manager of ``elsewhere``. Those who may annotate hold one item each (``leases``), ``waiting`` is a task in review,
    ``webhook`` one of the project's.
    """

    service: Service
    app: FastAPI
    portal: BlockingPortal
    people: dict[str, User] = field(default_factory=dict)
    animals: Project = None  # type: ignore[assignment]  # made in _populate
    elsewhere: Project = None  # type: ignore[assignment]
    items: list[int] = field(default_factory=list)
    leases: dict[str, Lease] = field(default_factory=dict)
    waiting: int = 0
    webhook: int = 0
    tokens: dict[str, str] = field(default_factory=dict)

    def client(self, who: str | None = None, token: str | None = None) -> httpx.Client:
        """What ``who`` asks with, or whoever has this token; without both, nobody in particular."""
        token = self.token(who) if who else token
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return httpx.Client(transport=InProcess(self.app, self.portal), base_url="http://test", headers=headers)

    def token(self, who: str) -> str:
        """The access token of somebody."""
        if who not in self.tokens:
            self.tokens[who] = self.service.tokens.issue(self.people[who]).access
        return self.tokens[who]

    def rows(self) -> dict[str, int]:
        """How many rows each table has."""
        names = inspect(self.service.database.engine).get_table_names()
        with self.service.database.read() as session:
            return {name: session.scalars(select(func.count()).select_from(table(name))).one() for name in names}

    def files(self) -> int:
        """How many images are kept."""
        return sum(path.is_file() and not path.name.startswith(".") for path in self.service.images.folder.rglob("*"))


@contextmanager
def served(folder: Path, database_url: str | None = None, *, populated: bool = True) -> Iterator[Served]:
    """A service in ``folder``, with everything that ``Served`` names, or with nothing."""
    service = open_folder(folder / "service", database_url)
    (folder / "page" / "assets").mkdir(parents=True)
    (folder / "page" / "index.html").write_text(PAGE)
    (folder / "page" / "assets" / "script-1.js").write_text("'use strict'")
    vars(service)["users"] = Users(service.database, cheap())
    with start_blocking_portal() as portal:
        made = Served(service, create_app(service, page=folder / "page"), portal)
        if populated:
            _populate(made)
        yield made
    service.close()


def _populate(made: Served) -> None:
    service, settings = made.service, ProjectSettings(review_share=1.0, examples={"cat": [1]})
    made.animals = service.projects.create("animals", "classification", CLASSES, settings, by="test")
    made.elsewhere = service.projects.create("elsewhere", "detection", CLASSES, by="test")
    for name in (*ROLES, "stranger"):
        made.people[name], _ = service.users.create(name, f"{name} has a secret", admin=name == "admin", by="test")
        if name in Role.__members__:
            service.roles.grant(made.people[name].id, made.animals.id, Role[name], by="test")
    service.roles.grant(made.people["stranger"].id, made.elsewhere.id, Role.manager, by="test")
    made.items = add_images(service, made.animals, 8)
    tasks = [NewTask(item, -float(place), Prediction(1, (0.2, 0.5, 0.3))) for place, item in enumerate(made.items[:6])]
    service.queue.ask(made.animals.id, 0, tasks)
    first = lease(service, made.animals, made.people["annotator"])
    service.queue.submit(first.assignment_id, made.people["annotator"].id, first.fence, "key", Answer(1, seconds=2.0))
    settle(service.database, made.animals.id, rng=np.random.default_rng(0))
    made.waiting = first.task_id
    for name in ("annotator", "reviewer", "manager", "admin"):
        made.leases[name] = lease(service, made.animals, made.people[name])
    for name in made.people:
        made.token(name)
    service.gold.add(made.animals.id, made.items[7], 2, by="test")
    hooks = Webhooks(service.database)
    made.webhook = hooks.add(made.animals.id, "https://example.org/hook", ["cycle.finished"], by="test")[0].id


def routes() -> dict[str, APIRoute]:
    """Every route of the API, by its method and its path."""
    found = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    return {f"{method} {route.path}": route for route in found for method in route.methods or ()}


def add_images(service: Service, project: Project, count: int) -> list[int]:
    """Items of random images, and their ids."""
    rng = np.random.default_rng(project.id)
    images = [service.images.put_array(rng.integers(0, 256, (SIDE, SIDE, 1), dtype=np.uint8)) for _ in range(count)]
    new = [NewItem(f"image {number}", image) for number, image in enumerate(images)]
    return list(service.items.add(project.id, new, by="test").values())


def lease(service: Service, project: Project, user: User) -> Lease:
    """What they are given, where there must be something."""
    given = service.queue.lease(project.id, user.id)
    assert given is not None
    return given


def problem(response: httpx.Response, status: int) -> Mapping[str, Any]:
    """What a response says went wrong, which must be of this status and well formed."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    said: dict[str, Any] = response.json()
    assert said["status"] == status
    assert said["detail"]
    return said
