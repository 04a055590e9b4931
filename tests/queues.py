"""Labelling projects without images, for tests of the queue; and annotators that are processes of their own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import TypeVar

from sqlalchemy import update
from sqlalchemy.exc import DBAPIError

from alframe.errors import Conflict
from alframe.labelling import Answer, Lease, NewTask, Project, Projects, ProjectSettings, Queue, Receipt
from alframe.labelling.settings import Kind
from alframe.storage.service import ServiceDatabase, database_now, open_service
from alframe.storage.service.tables import AssignmentRow, ItemRow, MembershipRow, UserRow

Result = TypeVar("Result")

CLASSES = ("cat", "dog")

processes = get_context("forkserver")
"""Where processes begin: all from one that has imported what takes long, and has no threads or connections."""
processes.set_forkserver_preload(["alframe.labelling", "alframe.storage.service"])


def new_project(
    database: ServiceDatabase,
    items: int,
    annotators: int,
    settings: ProjectSettings | None = None,
    kind: Kind = "classification",
) -> tuple[Project, list[int], list[int]]:
    """A project of that many items of 8 x 8 pixels; with the ids of its items and of annotators."""
    project = Projects(database).create("pets", kind, CLASSES, settings, by="root")
    with database.write() as session:
        users = [UserRow(name=f"annotator {number}") for number in range(annotators)]
        rows = [
            ItemRow(project_id=project.id, sample_id=str(number), image="0" * 64, width=8, height=8)
            for number in range(items)
        ]
        session.add_all([*users, *rows])
        session.flush()
        members = (MembershipRow(user_id=user.id, project_id=project.id, role="annotator") for user in users)
        session.add_all(members)
        return project, [row.id for row in rows], [user.id for user in users]


def asked_project(
    database: ServiceDatabase,
    items: int,
    annotators: int,
    settings: ProjectSettings | None = None,
    kind: Kind = "classification",
) -> tuple[Project, list[int], list[int]]:
    """The same, asked for in round 0; the first item has the highest score."""
    project, item_ids, users = new_project(database, items, annotators, settings, kind)
    tasks = [NewTask(item_id, -float(number)) for number, item_id in enumerate(item_ids)]
    Queue(database).ask(project.id, 0, tasks)
    return project, item_ids, users


def leased(queue: Queue, project: Project, annotator_id: int) -> Lease:
    """What they are given, where there must be something."""
    lease = queue.lease(project.id, annotator_id)
    assert lease is not None
    return lease


def submitted(queue: Queue, lease: Lease, annotator_id: int, label: int = 1) -> Receipt:
    """Their answer, under a key that belongs to the assignment."""
    return queue.submit(lease.assignment_id, annotator_id, lease.fence, f"key {lease.assignment_id}", Answer(label))


def run_out(database: ServiceDatabase, assignment_id: int) -> None:
    """Let a lease have run out a second ago."""
    with database.write() as session:
        session.execute(
            update(AssignmentRow)
            .where(AssignmentRow.id == assignment_id)
            .values(leased_until=database_now() - 1.0)
            .execution_options(synchronize_session=False)
        )


@contextmanager
def opened(url: str) -> Iterator[ServiceDatabase]:
    """The database, over connections of its own."""
    database = open_service(url)
    try:
        yield database
    finally:
        database.close()


def label_everything(url: str, project_id: int, annotator_id: int) -> list[tuple[int, int]]:
    """In a process: lease and submit until there is nothing left; task and submission of each answer."""
    with opened(url) as database:
        queue, given = Queue(database), []
        while lease := _at_hand(queue, project_id, annotator_id):
            receipt = submitted(queue, lease, annotator_id, label=annotator_id % 2)
            given.append((receipt.task_id, receipt.submission_id))
        return given


def label_through_outages(
    database: ServiceDatabase, project_id: int, annotator_id: int, receipts: dict[int, int]
) -> int:
    """Lease and submit until there is nothing left, trying again where the database is away; how often it was.

    Assignments and submissions go into ``receipts`` as they are acknowledged.
    """
    queue, outages = Queue(database), 0

    def insist(deed: Callable[[], Result]) -> Result:
        nonlocal outages
        while True:
            try:
                return deed()
            except DBAPIError:
                outages += 1
                time.sleep(0.05)

    while lease := insist(lambda: _at_hand(queue, project_id, annotator_id)):
        receipt = insist(partial(submitted, queue, lease, annotator_id))
        receipts[receipt.assignment_id] = receipt.submission_id
    return outages


def _at_hand(queue: Queue, project_id: int, annotator_id: int) -> Lease | None:
    return next(iter(queue.held(project_id, annotator_id)), None) or queue.lease(project_id, annotator_id)


def label_and_tell(url: str, project_id: int, annotator_id: int, said: Connection) -> None:
    """In a process that is to be killed: the same, and send each receipt's assignment and submission at once."""
    with opened(url) as database:
        queue = Queue(database)
        while lease := queue.lease(project_id, annotator_id):
            receipt = submitted(queue, lease, annotator_id)
            said.send((receipt.assignment_id, receipt.submission_id))


def submit_when_told(url: str, project_id: int, annotator_id: int, said: Connection) -> None:
    """In a process: lease, say so, wait to be told, submit, and say whether that was refused."""
    with opened(url) as database:
        queue = Queue(database)
        lease = leased(queue, Projects(database).get(project_id), annotator_id)
        said.send("leased")
        said.recv()
        try:
            submitted(queue, lease, annotator_id)
            said.send("taken")
        except Conflict:
            said.send("refused")


def lease_in_time(queue: Queue, project: Project, annotator_id: int, seconds: float = 60.0) -> Lease:
    """What they are given as soon as there is something."""
    for _ in range(round(seconds / 0.05)):
        if lease := queue.lease(project.id, annotator_id):
            return lease
        time.sleep(0.05)
    raise AssertionError(f"nothing was given out for {seconds} seconds")
