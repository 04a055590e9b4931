"""A labelling service at work in a process of its own, with projects to look at; and a browser that looks at it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
from accounts import cheap
from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy import select, update

from alframe.access.roles import Role
from alframe.access.users import Users
from alframe.data import Digits
from alframe.labelling import Answer, NewTask, Project, ProjectSettings, settle
from alframe.labelling.items import NewItem
from alframe.labelling.settings import Kind
from alframe.server import Service, open_folder
from alframe.server.demonstration import demonstrate
from alframe.storage.service.tables import AssignmentRow, ItemRow, ProjectRow, SubmissionRow, TaskRow
from alframe.types import Prediction

SECRET = "a password of my own"  # noqa: S105
LONG_NAME = "pneumonoultramicroscopicsilicovolcanoconiosis_of_unknown_origin"
PATIENCE = 150.0
"""Seconds that a server gets to start."""

_source = Digits()
TRUTH: dict[str, int] = dict(zip(_source.table.ids.tolist(), _source.table.labels.tolist(), strict=True))


@dataclass
class Site:
    """A service's folder and the process that serves it.

    ``newcomer`` has a password for once, ``once``; that of ``root``, ``ann`` and ``bob`` is ``SECRET``.
    """

    folder: Path
    service: Service
    port: int
    once: str = ""
    projects: dict[str, int] = field(default_factory=dict)
    people: dict[str, int] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Serve, until ``stop``."""
        command = [sys.executable, "-m", "alframe", "serve", "--service", str(self.folder), "--port", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=os.environ | {"OMP_NUM_THREADS": "1"})
        deadline = time.monotonic() + PATIENCE
        with httpx.Client(trust_env=False) as client:
            while time.monotonic() < deadline and self.process.poll() is None:
                try:
                    client.get(f"{self.address}/api/health").raise_for_status()
                except httpx.HTTPError:
                    time.sleep(0.1)
                else:
                    return
        raise AssertionError(f"alframe serve did not answer within {PATIENCE} seconds")

    def stop(self) -> None:
        """End the process, as Ctrl-C does; nothing where there is none."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(timeout=PATIENCE)
            self.process = None

    def submissions(self, name: str, project: str) -> dict[str, SubmissionRow]:
        """What somebody answered in a project, by sample; nothing twice."""
        rows = (
            select(ItemRow.sample_id, SubmissionRow)
            .join(ItemRow, ItemRow.id == SubmissionRow.item_id)
            .where(SubmissionRow.project_id == self.projects[project], SubmissionRow.annotator_id == self.people[name])
            .order_by(SubmissionRow.id)
        )
        with self.service.database.read() as session:
            found = [(sample, row) for sample, row in session.execute(rows)]
        by_sample = dict(found)
        assert len(by_sample) == len(found)
        return by_sample

    def project(self, name: str) -> int | None:
        """The number of a project, once it has something to label."""
        tasks = select(ProjectRow.id).join(TaskRow, TaskRow.project_id == ProjectRow.id).where(ProjectRow.name == name)
        with self.service.database.read() as session:
            found = session.scalar(tasks.limit(1))
        if found is not None:
            self.projects[name] = found
        return found

    def add(self, name: str, count: int) -> int:
        """One project more, of so many digits to be classified, in which ann and bob are annotators; its number."""
        self.projects[name] = _project(self.service, name, "classification", count).id
        for annotator in ("ann", "bob"):
            self.service.roles.grant(self.people[annotator], self.projects[name], Role.annotator, by="test")
        return self.projects[name]

    def let_leases_end(self, project: int) -> None:
        """Whatever is leased in a project may be somebody else's now."""
        leased = (AssignmentRow.project_id == project, AssignmentRow.leased_until.is_not(None))
        with self.service.database.write() as session:
            session.execute(update(AssignmentRow).where(*leased).values(leased_until=0.0))

    def sample(self, item: int) -> str:
        """The sample that an item is."""
        with self.service.database.read() as session:
            return session.get_one(ItemRow, item).sample_id

    def truth(self, item: int) -> int:
        """The digit that an item shows."""
        return TRUTH[self.sample(item)]


@contextmanager
def served_site(folder: Path) -> Iterator[Site]:
    """A service at work, with five projects, in which ``newcomer``, ``ann`` and ``bob`` are annotators.

    ``digits`` and ``surface defects`` are the demonstration's; in ``corrected`` every digit comes with a prediction
    that is wrong by one; in ``parts`` masks are drawn; and in ``team`` ann and bob have answered six digits, on two of
    which they disagree.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    service = open_folder(folder)
    vars(service)["users"] = Users(service.database, cheap())
    site = Site(folder, service, port)
    try:
        _furnish(site)
        site.start()
        yield site
    finally:
        site.stop()
        service.close()


def _furnish(site: Site) -> None:
    service = site.service
    demonstrate(service)
    wrong = [(label + 1) % 10 for label in _source.table.labels[:4].tolist()]
    _project(service, "corrected", "classification", 4, wrong, prefill="always")
    _project(service, "parts", "segmentation", 2)
    team = _project(service, "team", "classification", 6, overlap=2, max_overlap=2, agreement=0.9, cost=0.5)
    site.projects = {project.name: project.id for project in service.projects.all()}
    for name in ("root", "ann", "bob"):
        service.users.create(name, SECRET, admin=name == "root", by="test")
    _, once = service.users.create("newcomer", by="test")
    assert once is not None
    site.once = once
    site.people = {user.name: user.id for user in service.users.all()}
    for name in ("newcomer", "ann", "bob"):
        for project in site.projects.values():
            service.roles.grant(site.people[name], project, Role.annotator, by="test")
    for name in ("ann", "bob"):
        while lease := service.queue.lease(team.id, site.people[name]):
            said = (site.truth(lease.item_id) + (name == "bob" and lease.item_id % 3 == 0)) % 10
            answer = Answer(said, rationale="the loop is closed" if name == "bob" else "", seconds=2.5)
            service.queue.submit(lease.assignment_id, site.people[name], lease.fence, str(lease.task_id), answer)
    settle(service.database, team.id, rng=np.random.default_rng(0))
    unlike = (TaskRow.project_id == team.id, TaskRow.state == "review")
    with service.database.write() as session:
        session.execute(update(TaskRow).where(*unlike).values(reason=f"2 answers differ: {LONG_NAME}, not {LONG_NAME}"))


def _project(
    service: Service, name: str, kind: Kind, count: int, predicted: list[int] | None = None, **settings: Any
) -> Project:
    """A project of so many digits, all asked for; ``parts`` of digits where they are to be drawn."""
    classes = _source.classes if kind == "classification" else ("stroke", "loop")
    project = service.projects.create(name, kind, classes, ProjectSettings(**settings), by="test")
    stored = [service.images.put_array(_source.read(row)) for row in range(count)]
    new = [NewItem(str(name), image) for name, image in zip(_source.table.ids[:count], stored, strict=True)]
    items = list(service.items.add(project.id, new, by="test").values())
    said: Sequence[Prediction | None] = [None] * count if predicted is None else list(map(Prediction, predicted))
    tasks = [NewTask(item, -float(place), each) for place, (item, each) in enumerate(zip(items, said, strict=True))]
    service.queue.ask(project.id, 0, tasks, model="wrong")
    return project


@contextmanager
def opened_browser() -> Iterator[Browser]:
    """The distribution's Chromium, without a window."""
    with sync_playwright() as playwright:
        # As root it has no sandbox of its own.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        yield browser
        browser.close()


class Visit:
    """Somebody at the page, the paths that the browser ``asked`` for, and what it complained of meanwhile.

    Args:
        browser: theirs.
        site: where they are.
        width: of the window, in pixels.
        height: of the window, in pixels.
    """

    def __init__(self, browser: Browser, site: Site, width: int = 1280, height: int = 800) -> None:
        self.site = site
        self.page: Page = browser.new_context(viewport={"width": width, "height": height}).new_page()
        self.page.set_default_timeout(15_000)
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._heed)
        self.page.on("request", lambda request: self.asked.append(urlsplit(request.url).path))
        self.page.goto(site.address)

    def _heed(self, message: Any) -> None:
        # Refusals and a server that is away are told by the browser itself.
        if message.type in {"error", "warning"} and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    def sign_in(self, name: str, password: str = SECRET) -> None:
        """With the keyboard alone."""
        self.page.get_by_label("Name").fill(name)
        self.page.keyboard.press("Tab")
        self.page.keyboard.type(password)
        self.page.keyboard.press("Enter")

    def open(self, project: str, part: str = "label") -> None:
        """A part of a project."""
        self.page.get_by_role("heading", name="Projects").wait_for()
        self.page.goto(f"{self.site.address}/#/projects/{self.site.projects[project]}/{part}")

    def item(self, other_than: int = 0) -> int:
        """The item before one's eyes, as soon as it is another, its image shown."""
        stage = self.page.locator(f".stage:not([aria-label^='Image of item {other_than},'])")
        stage.locator("img").wait_for()
        return int((stage.get_attribute("aria-label") or "").split()[3].rstrip(","))

    def drag(self, *points: tuple[float, float], size: float) -> None:
        """Press at the first point, in pixels of an image ``size`` wide, move along the others, let go at the last."""
        place = self.page.locator(".sheet").bounding_box()
        assert place is not None
        scale = place["width"] / size
        for number, (x, y) in enumerate(points):
            self.page.mouse.move(place["x"] + x * scale, place["y"] + y * scale)
            if number == 0:
                self.page.mouse.down()
        self.page.mouse.up()

    def close(self) -> None:
        """Leave; nothing may have been complained of."""
        self.page.context.close()
        assert self.complaints == []
