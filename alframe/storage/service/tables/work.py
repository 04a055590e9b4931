"""What is to be labelled, by how many people, and who is at it."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from alframe.storage.service.tables.base import ServiceBase
from alframe.storage.tables import now

LARGEST_ID = 2**53 - 1
"""Of tasks and assignments: JSON's readers in browsers count exactly up to here."""


def random_id() -> int:
    """A number that tells nothing: by one that counts, what is made last, as gold is, would be known."""
    return 1 + secrets.randbelow(LARGEST_ID)


class ProjectRow(ServiceBase):
    """One labelling project: ``kind`` is the task, ``settings`` are those of ``labelling.ProjectSettings``.

    ``auto_stopped`` says why predictions are not accepted without people any more; those that were audited count from
    ``auto_since`` on.
    """

    __tablename__ = "projects"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    classes: Mapped[list[Any]]
    settings: Mapped[dict[str, Any]]
    guidelines: Mapped[str] = mapped_column(default="")
    paused: Mapped[bool] = mapped_column(default=False)
    auto_stopped: Mapped[str] = mapped_column(default="")
    auto_since: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(default=now)


class ItemRow(ServiceBase):
    """One image of a project; ``held`` says why nobody may see it, ``masks`` are boxes that annotators do not see."""

    __tablename__ = "items"
    __table_args__ = (UniqueConstraint("project_id", "sample_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    sample_id: Mapped[str]
    image: Mapped[str] = mapped_column(index=True)
    width: Mapped[int]
    height: Mapped[int]
    group: Mapped[str] = mapped_column(default="")
    held: Mapped[str] = mapped_column(default="")
    masks: Mapped[list[Any]] = mapped_column(default=list)
    created_at: Mapped[datetime] = mapped_column(default=now)


class TaskRow(ServiceBase):
    """One item that one round asks for.

    ``kind`` is ``label``, ``gold``, ``relabel`` or ``audit``; ``state`` is ``open``, ``complete`` (every assignment is
    done), ``review``, ``settled`` or ``withdrawn``; ``reason`` says why it is in review, ``proposed`` is what people
    came to. The round of a gold task is the id of the person that it was made for.
    """

    __tablename__ = "tasks"
    __table_args__ = (
        UniqueConstraint("item_id", "round", "kind"),
        Index("tasks_by_state", "project_id", "state"),
        Index("tasks_by_round", "project_id", "kind", "round"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False, default=random_id)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id"))
    round: Mapped[int]
    kind: Mapped[str] = mapped_column(default="label")
    model: Mapped[str] = mapped_column(default="")
    prediction: Mapped[Any | None]
    state: Mapped[str] = mapped_column(default="open")
    reason: Mapped[str] = mapped_column(default="")
    proposed: Mapped[Any | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    settled_at: Mapped[datetime | None]


class AssignmentRow(ServiceBase):
    """One of the answers that a task waits for: a task of overlap k has k of them, so that no more can be given.

    ``state`` is ``open``, ``done`` or ``closed``. An open one is leased while ``leased_until``, in seconds of the
    database's clock, lies ahead; ``fence`` counts its leases, so that an answer under an old one is known. ``place``
    is the task's among those that were asked together, and decides between equal scores. Order and project are copied
    from the task, for the index that a lease walks along.
    """

    __tablename__ = "assignments"
    __table_args__ = (
        UniqueConstraint("task_id", "slot"),
        UniqueConstraint("task_id", "annotator_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False, default=random_id)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    task_id: Mapped[int] = mapped_column(ForeignKey("tasks.id"))
    slot: Mapped[int]
    priority: Mapped[int] = mapped_column(default=0)
    score: Mapped[float] = mapped_column(default=0.0)
    place: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(default="open")
    annotator_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    leased_at: Mapped[float | None]
    leased_until: Mapped[float | None]
    fence: Mapped[int] = mapped_column(default=0)


Index(
    "assignments_in_order",
    AssignmentRow.project_id,
    AssignmentRow.state,
    AssignmentRow.priority.desc(),
    AssignmentRow.score.desc(),
    AssignmentRow.place,
    AssignmentRow.id,
)
Index("assignments_of_annotator", AssignmentRow.annotator_id, AssignmentRow.state, AssignmentRow.leased_at)


class SkipRow(ServiceBase):
    """A task that somebody passed on: it is not offered to them again. ``kind`` is ``skip`` or ``flag``."""

    __tablename__ = "skips"
    __table_args__ = (UniqueConstraint("task_id", "annotator_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    task_id: Mapped[int] = mapped_column(ForeignKey("tasks.id"))
    annotator_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    kind: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=now)


class DraftRow(ServiceBase):
    """What somebody had done of a task; kept when their lease runs out or their answer comes too late."""

    __tablename__ = "drafts"

    task_id: Mapped[int] = mapped_column(ForeignKey("tasks.id"), primary_key=True)
    annotator_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    body: Mapped[Any]
    updated_at: Mapped[datetime] = mapped_column(default=now)
