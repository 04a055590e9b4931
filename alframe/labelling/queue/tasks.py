"""What is to be labelled, as rows: a task for each item that a round asks for, with an assignment for each answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, func, insert, select, update
from sqlalchemy.orm import Session

from alframe.errors import InvalidInput, NotFound
from alframe.labelling.projects import Project
from alframe.labelling.rows import parts
from alframe.storage.service import database_now
from alframe.storage.service.tables import AssignmentRow, ItemRow, TaskRow
from alframe.types import Prediction

EXPRESS = 1_000
"""The priority of the express lane; what a round asks for has less."""

ESCALATED = 1_000_000
"""The priority of what has waited too long."""

PREDICTION = TypeAdapter(Prediction)
"""What a task keeps of one."""


@dataclass(frozen=True)
class NewTask:
    """An item that a round asks for.

    Attributes:
        item_id: which.
        score: the strategy's; higher ones are given out earlier.
        prediction: what the model says of it; ``None`` if there is no model yet.
    """

    item_id: int
    score: float = 0.0
    prediction: Prediction | None = None


def add_tasks(
    session: Session,
    project: Project,
    round: int,
    tasks: Sequence[NewTask],
    model: str,
    kind: str,
    priority: int,
    overlap: int,
) -> int:
    """Tasks that are not there yet, each with ``overlap`` assignments; how many there were. None for held items.

    Raises:
        InvalidInput: a score that is no number, a priority of the express lane.
        NotFound: an item that is not the project's.
    """
    if priority >= EXPRESS or not all(math.isfinite(task.score) for task in tasks):
        raise InvalidInput(f"scores must be finite and the priority below {EXPRESS}, which is the express lane's")
    wanted = {task.item_id: task for task in tasks}
    items, there = _known(session, project, round, kind, list(wanted))
    if foreign := wanted.keys() - items:
        raise NotFound(f"{len(foreign)} items are not project {project.name!r}'s, item {min(foreign)} among them")
    new = {item_id: task for item_id, task in wanted.items() if not items[item_id] and item_id not in there}
    if not new:
        return 0
    rows = [
        {
            "project_id": project.id,
            "item_id": task.item_id,
            "round": round,
            "kind": kind,
            "model": model,
            "prediction": None if task.prediction is None else PREDICTION.dump_python(task.prediction, mode="json"),
        }
        for task in new.values()
    ]
    places = {item_id: place for place, item_id in enumerate(new)}
    made = session.execute(insert(TaskRow).returning(TaskRow.id, TaskRow.item_id), rows).all()
    assignments = [
        {
            "project_id": project.id,
            "task_id": task_id,
            "slot": slot,
            "priority": priority,
            "score": float(new[item_id].score),
            "place": places[item_id],
        }
        for task_id, item_id in made
        for slot in range(overlap)
    ]
    session.execute(insert(AssignmentRow), assignments)
    return len(new)


def _known(
    session: Session, project: Project, round: int, kind: str, item_ids: Sequence[int]
) -> tuple[dict[int, str], set[int]]:
    """Why each of these items of the project is held, if it is, and those that the round has asked for already."""
    items: dict[int, str] = {}
    there: set[int] = set()
    for part in parts(item_ids):
        own = select(ItemRow.id, ItemRow.held).where(ItemRow.project_id == project.id, ItemRow.id.in_(part))
        items |= dict(session.execute(own).all())
        asked = select(TaskRow.item_id).where(TaskRow.item_id.in_(part), TaskRow.round == round, TaskRow.kind == kind)
        there.update(session.scalars(asked))
    return items, there


def add_assignment(session: Session, task: TaskRow) -> AssignmentRow:
    """One answer more for ``task``, which is open again; the caller has locked it."""
    last = session.scalars(
        select(AssignmentRow).where(AssignmentRow.task_id == task.id).order_by(AssignmentRow.slot.desc()).limit(1)
    ).one()
    row = AssignmentRow(
        project_id=task.project_id,
        task_id=task.id,
        slot=last.slot + 1,
        priority=last.priority,
        score=last.score,
        place=last.place,
    )
    session.add(row)
    task.state, task.reason = "open", ""
    session.flush()
    return row


def close_assignments(session: Session, *which: ColumnElement[bool]) -> None:
    """Nobody is to answer the tasks that ``which`` names any more; the caller has locked them."""
    of_those = AssignmentRow.task_id.in_(select(TaskRow.id).where(*which))
    session.execute(
        update(AssignmentRow)
        .where(of_those, AssignmentRow.state == "open")
        .values(state="closed", leased_until=None)
        .execution_options(synchronize_session=False)
    )


def withdraw_tasks(session: Session, project_id: int, round: int) -> int:
    """Take back the labels that a round asked for and that are still open; how many tasks there were.

    What it asked to check on, audits and doubts, is still worth knowing.
    """
    which = (TaskRow.project_id == project_id, TaskRow.round == round, TaskRow.kind == "label", TaskRow.state == "open")
    found = _lock(session, *which)
    close_assignments(session, *which)
    session.execute(
        update(TaskRow).where(*which).values(state="withdrawn").execution_options(synchronize_session=False)
    )
    return found


def raise_priority(session: Session, priority: int, *which: ColumnElement[bool]) -> int:
    """Give the open tasks that ``which`` names at least this priority; how many had less."""
    less = (AssignmentRow.state == "open", AssignmentRow.priority < priority)
    behind = (*which, TaskRow.state == "open", TaskRow.id.in_(select(AssignmentRow.task_id).where(*less)))
    found = _lock(session, *behind)
    session.execute(
        update(AssignmentRow)
        .where(AssignmentRow.task_id.in_(select(TaskRow.id).where(*behind)), *less)
        .values(priority=priority)
        .execution_options(synchronize_session=False)
    )
    return found


def older_than(session: Session, hours: float) -> ColumnElement[bool]:
    """Tasks that have waited longer, by the database's clock."""
    now = session.scalars(select(database_now())).one()
    return TaskRow.created_at < datetime.fromtimestamp(now - hours * 3600, UTC)


def last_round(session: Session, project_id: int) -> int:
    """The latest round that asked for anything; 0 where none has."""
    # Kind by kind, so that each is one look into the index.
    latest = select(func.max(TaskRow.round)).where(TaskRow.project_id == project_id)
    return max(session.scalar(latest.where(TaskRow.kind == kind)) or 0 for kind in ("label", "relabel", "audit"))


def probs_when_asked(session: Session, project: Project) -> dict[int, tuple[float, ...]]:
    """(C,) what the model held the classes of each item for, by item id, when the latest round asked for it.

    Where it said so of all C classes that the project has by now.
    """
    said = (
        select(TaskRow.item_id, TaskRow.prediction)
        .where(TaskRow.project_id == project.id, TaskRow.kind != "gold", TaskRow.prediction.is_not(None))
        .order_by(TaskRow.round, TaskRow.created_at)
    )
    found = {item_id: PREDICTION.validate_python(stored).probs for item_id, stored in session.execute(said)}
    return {item_id: probs for item_id, probs in found.items() if probs and len(probs) == len(project.classes)}


def _lock(session: Session, *which: ColumnElement[bool]) -> int:
    # Whoever changes a task and its assignments locks the task first, and several in order: nobody waits in a circle.
    return len(
        session.scalars(select(TaskRow.id).where(*which).order_by(TaskRow.id).with_for_update(key_share=True)).all()
    )
