"""Answers: taken once, under the lease they were made under, and known again when they are sent again."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.orm import Session

from alframe.errors import Conflict, InvalidInput, NotFound
from alframe.labelling.labels import dump_label
from alframe.labelling.projects import Project
from alframe.labelling.queue.eligible import somebody_is_left
from alframe.labelling.queue.tasks import close_assignments
from alframe.storage.service import record
from alframe.storage.service.tables import AssignmentRow, DraftRow, GoldRow, SkipRow, SubmissionRow, TaskRow, UserRow
from alframe.storage.tables import now
from alframe.types import Label

# Made once, as those of leases.
_ONE = AssignmentRow.id == bindparam("assignment")
_TASK = (
    select(TaskRow)
    .where(TaskRow.id == select(AssignmentRow.task_id).where(_ONE).scalar_subquery())
    .with_for_update(key_share=True)
)
_ASSIGNMENT = select(AssignmentRow).where(_ONE).with_for_update(key_share=True)
_THERE = select(SubmissionRow).where(
    SubmissionRow.annotator_id == bindparam("annotator"), SubmissionRow.key == bindparam("named")
)
_WAITS = (
    select(AssignmentRow.id).where(AssignmentRow.task_id == bindparam("task"), AssignmentRow.state == "open").limit(1)
)
_NAME = select(UserRow.name).where(UserRow.id == bindparam("annotator"))
_FORGET_DRAFT = (
    delete(DraftRow)
    .where(DraftRow.task_id == bindparam("task"), DraftRow.annotator_id == bindparam("annotator"))
    .execution_options(synchronize_session=False)
)


@dataclass(frozen=True)
class Answer:
    """What somebody says of an item.

    Attributes:
        label: its class, or its objects; ``None`` where they cannot tell.
        reason: why they cannot tell.
        rationale: why it is what they say, in their words.
        prediction_shown: whether the model's prediction was before their eyes.
        seconds: how long they looked, as their client says.
    """

    label: Label | None
    reason: str = ""
    rationale: str = ""
    prediction_shown: bool = False
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.label is None and not self.reason.strip():
            raise InvalidInput("an answer without a label needs a reason: why can it not be told?")
        if self.seconds is not None and not (math.isfinite(self.seconds) and self.seconds >= 0):
            raise InvalidInput(f"an answer takes a finite time that is not negative; got {self.seconds} seconds")


@dataclass(frozen=True)
class Receipt:
    """An answer that has been written down.

    Attributes:
        submission_id: the answer.
        assignment_id: what it answers.
        task_id: the question.
        created_at: when it was written down.
    """

    submission_id: int
    assignment_id: int
    task_id: int
    created_at: datetime


def answer_body(answer: Answer) -> dict[str, Any]:
    """An answer as JSON, as a submission and a draft keep it."""
    return {
        "label": dump_label(answer.label),
        "reason": answer.reason,
        "rationale": answer.rationale,
        "prediction_shown": answer.prediction_shown,
        "seconds": answer.seconds,
    }


def lock_assignment(session: Session, assignment_id: int) -> tuple[TaskRow, AssignmentRow]:
    """A task and one of its assignments, the task first, so that nobody else changes them until the transaction ends.

    Raises:
        NotFound: there is no such assignment.
    """
    named = {"assignment": assignment_id}
    task = session.scalar(_TASK, named)
    if task is None:
        raise NotFound(f"there is no assignment {assignment_id}")
    return task, session.scalars(_ASSIGNMENT, named).one()


def why_not_theirs(task: TaskRow, assignment: AssignmentRow, annotator_id: int, fence: int) -> str | None:
    """Why nothing can be done under this lease any more; ``None`` where it can, though its time may be over."""
    if assignment.annotator_id != annotator_id or assignment.fence != fence:
        return "this lease is over, the item has been given out again; what you did is kept as a draft"
    if assignment.state == "closed":
        return f"nobody is to answer it any more: the task is {task.state}"
    return "you have answered it already" if assignment.state == "done" else None


def keep_draft(session: Session, assignment: AssignmentRow, annotator_id: int, body: dict[str, Any]) -> None:
    """What they have done of a task so far; the caller has locked the task.

    Raises:
        Conflict: they have never had it.
    """
    row = session.get(DraftRow, (assignment.task_id, annotator_id))
    if row is None:
        if assignment.annotator_id != annotator_id:
            raise Conflict("you do not hold this item: lease one first")
        row = DraftRow(task_id=assignment.task_id, annotator_id=annotator_id)
        session.add(row)
    row.body, row.updated_at = body, now()


def pass_on(
    session: Session,
    project: Project,
    task: TaskRow,
    assignment: AssignmentRow,
    annotator_id: int,
    kind: str,
    reason: str,
) -> None:
    """Give an assignment back; a reviewer gets the task if it is flagged, or skipped by as many as may answer it.

    Gold is never reviewed: a decision would train the model on what people are tested with.
    """
    session.add(SkipRow(task_id=task.id, annotator_id=annotator_id, kind=kind, reason=reason))
    assignment.annotator_id = assignment.leased_until = None
    session.flush()
    skips = session.scalars(select(func.count()).where(SkipRow.task_id == task.id)).one()
    if task.kind == "gold":
        task.state = "withdrawn"
    elif kind == "flag":
        task.state, task.reason = "review", f"flagged: {reason}"
    elif skips >= project.settings.max_overlap or not _somebody_is_left(session, task):
        task.state, task.reason = "review", f"skipped by {skips} {'person' if skips == 1 else 'people'}"
    else:
        return
    close_assignments(session, TaskRow.id == task.id)
    if task.kind == "gold" and kind == "flag":
        _note_doubt(session, task, annotator_id, reason)


def _somebody_is_left(session: Session, task: TaskRow) -> bool:
    return session.scalars(select(somebody_is_left(task.id, task.project_id))).one()


def _note_doubt(session: Session, task: TaskRow, annotator_id: int, reason: str) -> None:
    """What somebody finds wrong with a gold item, where its managers see it."""
    name = session.scalars(_NAME, {"annotator": annotator_id}).one()
    gold = session.scalar(select(GoldRow).where(GoldRow.item_id == task.item_id).with_for_update())
    if gold is not None:
        gold.note = "; ".join(filter(None, (gold.note, f"flagged by {name}: {reason}")))
        session.flush()
    record(session, name, "gold.flag", f"item/{task.item_id}", {"reason": reason})


def check_label(project: Project, label: Label | None) -> None:
    """Whether it is of the project's kind and classes; where it came from it was held against the image, too.

    Raises:
        InvalidInput: it is not.
    """
    if label is None:
        return
    if isinstance(label, int) != (project.kind == "classification"):
        raise InvalidInput(f"a label of a {project.kind} project cannot be {type(label).__name__}")
    given = {label} if isinstance(label, int) else {each.label for each in label}
    if outside := given - set(range(len(project.classes))):
        raise InvalidInput(f"there is no class {min(outside)}; project {project.name!r} has {len(project.classes)}")


def receipt(session: Session, assignment_id: int, annotator_id: int, key: str, answer: Answer) -> Receipt | None:
    """What was said the first time to a request that is sent again.

    Raises:
        Conflict: the key stands for another request.
    """
    there = session.scalar(_THERE, {"annotator": annotator_id, "named": key})
    if there is None:
        return None
    if there.assignment_id != assignment_id or there.body_sha256 != body_sha256(answer):
        raise taken(key)
    return _receipt(there)


def taken(key: str) -> Conflict:
    """The key stands for something else."""
    return Conflict(f"the key {key!r} stands for another answer; take a new key for a new answer")


def write_down(
    session: Session, task: TaskRow, assignment: AssignmentRow, annotator_id: int, key: str, answer: Answer
) -> Receipt:
    """Add the answer; the last of a task completes it."""
    row = SubmissionRow(
        project_id=task.project_id,
        task_id=task.id,
        item_id=task.item_id,
        assignment_id=assignment.id,
        annotator_id=annotator_id,
        key=key,
        body_sha256=body_sha256(answer),
        **answer_body(answer),
    )
    session.add(row)
    assignment.state, assignment.leased_until = "done", None
    session.flush()
    session.execute(_FORGET_DRAFT, {"task": task.id, "annotator": annotator_id})
    if session.scalar(_WAITS, {"task": task.id}) is None:
        task.state = "complete"
        session.flush()
    name = session.scalars(_NAME, {"annotator": annotator_id}).one()
    detail = {"task": task.id, "sha256": row.body_sha256}
    record(session, name, "submission.create", f"submission/{row.id}", detail)
    return _receipt(row)


def body_sha256(answer: Answer) -> str:
    """What tells one answer from another."""
    return hashlib.sha256(json.dumps(answer_body(answer), sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _receipt(row: SubmissionRow) -> Receipt:
    return Receipt(row.id, row.assignment_id, row.task_id, row.created_at)
