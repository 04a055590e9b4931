"""Who may still answer a task: nobody twice, and nobody what shows that they were asked about the same item before."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import aliased

from alframe.labelling.queue.tasks import close_assignments
from alframe.storage.service import ServiceDatabase, record
from alframe.storage.service.tables import AssignmentRow, ItemRow, MembershipRow, SkipRow, TaskRow, UserRow

NOBODY_LEFT = "nobody is left who may answer it"
"""Why a task is in review."""


def hindered(task_id: Any, annotator_id: Any) -> ColumnElement[bool]:
    """Whether somebody passed on a task, or was asked about its item before: as gold, or in its round by another kind.

    A later round may ask the same person again: of each person the last answer to an item counts.
    """
    this, before, theirs = aliased(TaskRow), aliased(TaskRow), aliased(AssignmentRow)
    passed_on = exists().where(SkipRow.task_id == task_id, SkipRow.annotator_id == annotator_id)
    took = exists().where(theirs.task_id == before.id, theirs.annotator_id == annotator_id).correlate_except(theirs)
    as_gold = and_(before.kind == "gold", before.round == annotator_id)
    otherwise = and_(before.kind != "gold", before.round == this.round, took)
    asked_before = exists().where(
        this.id == task_id,
        this.kind != "gold",
        before.item_id == this.item_id,
        before.id != this.id,
        or_(as_gold, otherwise),
    )
    # Explicitly: what is two levels further out is not correlated by itself.
    return or_(passed_on.correlate_except(SkipRow), asked_before.correlate_except(this, before))


def somebody_is_left(task_id: Any, project_id: Any) -> ColumnElement[bool]:
    """Whether any active member who labels may still answer a task."""
    said = aliased(AssignmentRow)
    done = exists().where(said.task_id == task_id, said.annotator_id == MembershipRow.user_id, said.state == "done")
    return _labeller(project_id, ~done.correlate_except(said), ~hindered(task_id, MembershipRow.user_id))


def review_stranded(database: ServiceDatabase, project_id: int) -> int:
    """Give a reviewer the open tasks that nobody may answer, as after somebody has left; how many there were.

    Where nobody labels in the project at all, they wait for those who will.
    """
    stranded = (
        TaskRow.project_id == project_id,
        TaskRow.state == "open",
        TaskRow.kind != "gold",
        TaskRow.item_id == ItemRow.id,
        ItemRow.held == "",
        _labeller(project_id),
        ~somebody_is_left(TaskRow.id, project_id),
    )
    with database.read() as session:
        found = session.scalars(select(TaskRow.id).where(*stranded).order_by(TaskRow.id)).all()
    return sum(_review(database, task_id, *stranded) for task_id in found)


def _review(database: ServiceDatabase, task_id: int, *stranded: ColumnElement[bool]) -> bool:
    still = select(TaskRow).where(TaskRow.id == task_id, *stranded)
    with database.write() as session:
        task = session.scalar(still.with_for_update(skip_locked=True, key_share=True, of=TaskRow))
        if task is None:
            return False
        task.state, task.reason = "review", NOBODY_LEFT
        close_assignments(session, TaskRow.id == task_id)
        session.flush()
        record(session, "system", "task.review", f"task/{task_id}", {"item": task.item_id, "reason": NOBODY_LEFT})
        return True


def _labeller(project_id: Any, *who: ColumnElement[bool]) -> ColumnElement[bool]:
    found = exists().where(
        MembershipRow.project_id == project_id,
        MembershipRow.role != "viewer",
        UserRow.id == MembershipRow.user_id,
        UserRow.active,
        *who,
    )
    return found.correlate_except(MembershipRow, UserRow)
