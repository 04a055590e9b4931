"""Simulated people who label in a service, through its queue, as those in a browser do."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import select

from alframe.labelling import Answer, Projects, Queue
from alframe.storage.service import ServiceDatabase
from alframe.storage.service.tables import ItemRow, MembershipRow, UserRow
from alframe.types import Label


def hire(database: ServiceDatabase, *names: str, project: str = "tiny", role: str = "annotator") -> list[int]:
    """Give people of these names a role in a project; their ids."""
    project_id = Projects(database).named(project).id
    with database.write() as session:
        users = [UserRow(name=name) for name in names]
        session.add_all(users)
        session.flush()
        session.add_all(MembershipRow(user_id=user.id, project_id=project_id, role=role) for user in users)
        return [user.id for user in users]


def work(
    database: ServiceDatabase,
    annotators: Sequence[int],
    say: Callable[[str], Label | None],
    *,
    project: str = "tiny",
    most: int | None = None,
) -> list[str]:
    """Each in turn leases and answers until there is nothing left, or ``most`` answers are given; the samples seen.

    Args:
        database: of the service.
        annotators: ids of users.
        say: what to answer to a sample; ``None`` is "cannot tell".
        project: its name.
        most: answers.
    """
    queue, project_id = Queue(database), Projects(database).named(project).id
    done: list[str] = []
    for annotator in annotators:
        while (most is None or len(done) < most) and (lease := queue.lease(project_id, annotator)):
            with database.read() as session:
                sample_id = session.scalars(select(ItemRow.sample_id).where(ItemRow.id == lease.item_id)).one()
            label = say(sample_id)
            reason = "blurred" if label is None else ""
            queue.submit(lease.assignment_id, annotator, lease.fence, f"{lease.assignment_id}", Answer(label, reason))
            done.append(sample_id)
    return done
