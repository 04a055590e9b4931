"""Projects of the labelling service, and people who label in them, for tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from alframe.labelling import Answer, Lease, Mix, NewTask, Project, Projects, ProjectSettings, Queue
from alframe.labelling.settings import Kind
from alframe.storage.service import ServiceDatabase
from alframe.storage.service.tables import ItemRow, MembershipRow, UserRow
from alframe.types import Label

CLASSES = ("cat", "dog", "owl")


def project_of(kind: Kind = "classification", **settings: Any) -> Project:
    """A project of three classes that lies in no database."""
    return Project(1, "animals", kind, CLASSES, ProjectSettings(**settings), "", False, 1)


@dataclass
class Team:
    """Annotators of a project, who answer through the queue."""

    database: ServiceDatabase
    project: Project
    people: dict[str, int]
    items: list[int]
    mix: Mix | None = None
    keys: count[int] = field(default_factory=count)

    @property
    def queue(self) -> Queue:
        """With gold mixed in, if there is some."""
        return Queue(self.database, self.mix)

    def ask(self, *rows: int, round: int = 0, **how: Any) -> None:
        """Ask for the items in these rows, the first the most wanted."""
        tasks = [NewTask(self.items[row], score=-place) for place, row in enumerate(rows)]
        self.queue.ask(self.project.id, round, tasks, **how)

    def answer(self, name: str, label: Label | None, **more: Any) -> Lease | None:
        """Answer what this person is given next; ``None`` where there is nothing for them."""
        return self.work(name, lambda _: Answer(label, reason="too dark" if label is None else "", **more))

    def work(self, name: str, say: Callable[[Lease], Answer]) -> Lease | None:
        """The same, by what the lease is of."""
        lease = self.queue.lease(self.project.id, self.people[name])
        if lease is not None:
            key = f"key {next(self.keys)}"
            self.queue.submit(lease.assignment_id, self.people[name], lease.fence, key, say(lease))
        return lease


def team_of(
    database: ServiceDatabase,
    kind: Kind = "classification",
    people: Sequence[str] = ("ann", "bob", "cyd"),
    items: int = 4,
    classes: Sequence[str] = CLASSES,
    **settings: Any,
) -> Team:
    """A project with items of 8 x 6 pixels that nobody was asked about yet."""
    project = Projects(database).create("animals", kind, classes, ProjectSettings(**settings), by="root")
    with database.write() as session:
        users = [UserRow(name=name) for name in people]
        rows = [
            ItemRow(project_id=project.id, sample_id=f"image/{number}", image=f"{number:064x}", width=8, height=6)
            for number in range(items)
        ]
        session.add_all([*users, *rows])
        session.flush()
        session.add_all(MembershipRow(user_id=user.id, project_id=project.id, role="annotator") for user in users)
        return Team(database, project, {user.name: user.id for user in users}, [row.id for row in rows])
