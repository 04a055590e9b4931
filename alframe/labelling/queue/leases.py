"""Leases: an assignment is somebody's until a moment of the database's clock, and theirs again if they return first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Double, Integer, Select, and_, bindparam, exists, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from alframe.errors import Conflict, NotFound, TooMany
from alframe.labelling.projects import Project
from alframe.labelling.queue.eligible import hindered
from alframe.labelling.queue.tasks import PREDICTION
from alframe.storage.service import database_now
from alframe.storage.service.tables import AssignmentRow, DraftRow, ItemRow, TaskRow, UserRow
from alframe.types import Label

MINUTE = 60.0
"""Seconds."""


@dataclass(frozen=True)
class Lease:
    """An item that is somebody's to label.

    Attributes:
        assignment_id: what is answered.
        task_id: the question, which several people may be asked.
        item_id: the image.
        project_id: where.
        fence: to be shown with everything that is done under this lease; each lease has a higher one.
        expires_in: seconds until somebody else may have it.
        draft: what they had done of it before; ``None`` if nothing.
        width: of the image, in pixels.
        height: of the image, in pixels.
        prefill: what the answer begins from; ``None`` where they begin from nothing.
        prediction: whether the model's prediction can be asked for.
    """

    assignment_id: int
    task_id: int
    item_id: int
    project_id: int
    fence: int
    expires_in: float
    draft: Any | None
    width: int
    height: int
    prefill: Label | None
    prediction: bool


@dataclass(frozen=True)
class Free:
    """An assignment that somebody may have.

    Attributes:
        assignment_id: which.
        task_id: of which task.
        kind: of the task.
        former: who had it, and let it run out; ``None`` if nobody.
    """

    assignment_id: int
    task_id: int
    kind: str
    former: int | None


def _free() -> Select[int, int, str, int | None]:
    """The first assignment there is for an annotator."""
    other = aliased(AssignmentRow)
    annotator = bindparam("annotator", type_=Integer)
    answering = exists().where(
        other.task_id == AssignmentRow.task_id, other.annotator_id == annotator, other.id != AssignmentRow.id
    )
    # A gold item is mixed in for one person.
    servable = exists().where(
        TaskRow.id == AssignmentRow.task_id,
        or_(TaskRow.kind != "gold", AssignmentRow.annotator_id == annotator),
        ItemRow.id == TaskRow.item_id,
        ItemRow.held == "",
    )
    kind = select(TaskRow.kind).where(TaskRow.id == AssignmentRow.task_id).scalar_subquery()
    return (
        select(AssignmentRow.id, AssignmentRow.task_id, kind, AssignmentRow.annotator_id)
        .where(
            AssignmentRow.project_id == bindparam("project"),
            AssignmentRow.state == "open",
            or_(AssignmentRow.leased_until.is_(None), AssignmentRow.leased_until <= database_now()),
            ~answering,
            ~hindered(AssignmentRow.task_id, annotator),
            servable,
        )
        .order_by(AssignmentRow.priority.desc(), AssignmentRow.score.desc(), AssignmentRow.place, AssignmentRow.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=AssignmentRow)
    )


# Made once: making them takes longer than running them, and on SQLite everybody else waits meanwhile.
_FIRST = _free()
_TAKE = (
    update(AssignmentRow)
    .where(AssignmentRow.id == bindparam("assignment"))
    .values(
        annotator_id=bindparam("annotator", type_=Integer),
        leased_at=database_now(),
        leased_until=database_now() + bindparam("seconds", type_=Double),
        fence=AssignmentRow.fence + 1,
    )
    .execution_options(synchronize_session=False)
)
_RUNNING = AssignmentRow.leased_until > database_now()
_ALONE = select(UserRow.id).where(UserRow.id == bindparam("annotator")).with_for_update(key_share=True)
_THEIRS = select(func.count()).where(
    AssignmentRow.annotator_id == bindparam("annotator"), AssignmentRow.project_id == bindparam("project")
)
_HELD = _THEIRS.where(AssignmentRow.state == "open", _RUNNING)
_LATELY = _THEIRS.where(
    AssignmentRow.state.in_(["open", "done", "closed"]), AssignmentRow.leased_at > database_now() - MINUTE
)
_LEFT = func.coalesce(AssignmentRow.leased_until - database_now(), 0.0)
_DESCRIBED = (
    select(AssignmentRow, TaskRow, ItemRow, DraftRow.body, _LEFT)
    .join(TaskRow, TaskRow.id == AssignmentRow.task_id)
    .join(ItemRow, ItemRow.id == TaskRow.item_id)
    .outerjoin(
        DraftRow,
        and_(DraftRow.task_id == AssignmentRow.task_id, DraftRow.annotator_id == AssignmentRow.annotator_id),
    )
    .order_by(AssignmentRow.leased_at, AssignmentRow.id)
)


def check_limits(session: Session, project: Project, annotator_id: int) -> None:
    """Whether they may have one more; of one person nothing else is checked until the transaction ends.

    Raises:
        NotFound: there is nobody of this id.
        TooMany: they hold as many as they may, or have had as many as they may within a minute.
    """
    named = {"annotator": annotator_id, "project": project.id}
    if session.scalar(_ALONE, {"annotator": annotator_id}) is None:
        raise NotFound(f"there is no user {annotator_id}")
    if (held := session.scalars(_HELD, named).one()) >= project.settings.leases:
        raise TooMany(f"you hold {held} items, as many as you may: answer or pass on one of them first")
    limit = project.settings.answers_per_minute
    if limit is not None and (had := session.scalars(_LATELY, named).one()) >= limit:
        raise TooMany(
            f"you have had {had} items within a minute, of {limit} that you may: look at them a little longer"
        )


def first_free(session: Session, project: Project, annotator_id: int) -> Free | None:
    """The first assignment there is for them, which nobody else can take until the transaction ends; ``None`` if none.

    On PostgreSQL what somebody else is just taking is passed over, instead of waited for.
    """
    found = session.execute(_FIRST, {"annotator": annotator_id, "project": project.id}).first()
    return None if found is None else Free(*found)


def take(session: Session, project: Project, annotator_id: int, assignment_id: int) -> Lease:
    """Lease them an assignment that is free."""
    named = {"assignment": assignment_id, "annotator": annotator_id, "seconds": project.settings.lease_seconds}
    session.execute(_TAKE, named)
    return described(session, project, AssignmentRow.id == assignment_id)[0]


def keep_place(session: Session, free: Free) -> None:
    """Where somebody else is about to take an assignment, leave its former holder a draft to send their work into."""
    if free.former is not None and session.get(DraftRow, (free.task_id, free.former)) is None:
        session.add(DraftRow(task_id=free.task_id, annotator_id=free.former, body={}))
        session.flush()


def prolong(session: Session, project: Project, assignment_id: int) -> Lease:
    """Let a lease last as long again as a new one.

    Raises:
        Conflict: they have had it for as long as anybody may.
    """
    longest = project.settings.longest_seconds
    still = (
        update(AssignmentRow)
        .where(AssignmentRow.id == assignment_id, AssignmentRow.leased_at + longest > database_now())
        .values(leased_until=database_now() + project.settings.lease_seconds)
        .returning(AssignmentRow.id)
        .execution_options(synchronize_session=False)
    )
    if session.scalar(still) is None:
        raise Conflict(f"you have had this item for {longest:g} seconds, as long as you may: answer or pass on it now")
    return described(session, project, AssignmentRow.id == assignment_id)[0]


def held(session: Session, project: Project, *which: ColumnElement[bool]) -> list[Lease]:
    """The running leases among those that ``which`` names, the latest last."""
    return described(session, project, AssignmentRow.state == "open", _RUNNING, ItemRow.held == "", *which)


def described(session: Session, project: Project, *which: ColumnElement[bool]) -> list[Lease]:
    """The leases that ``which`` names of the project, run out or not, the latest last."""
    found = _DESCRIBED.where(AssignmentRow.project_id == project.id, *which)
    return [
        Lease(
            assignment.id,
            task.id,
            item.id,
            project.id,
            assignment.fence,
            expires_in,
            draft or None,
            item.width,
            item.height,
            prefill=PREDICTION.validate_python(task.prediction).label if _shown(project, task) == "always" else None,
            prediction=_shown(project, task) != "never",
        )
        for assignment, task, item, draft, expires_in in session.execute(found)
    ]


def _shown(project: Project, task: TaskRow) -> str:
    return "never" if task.prediction is None else project.settings.prefill
