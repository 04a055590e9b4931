"""What is known of one assignment."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from alframe.errors import Conflict, Forbidden, NotFound
from alframe.labelling.projects import load_project
from alframe.labelling.queue import leases
from alframe.labelling.queue.tasks import PREDICTION
from alframe.storage.service.tables import AssignmentRow, ItemRow, TaskRow
from alframe.types import Prediction


def assignment_of(session: Session, assignment_id: int) -> AssignmentRow:
    """The assignment of this id.

    Raises:
        NotFound: there is none.
    """
    found = session.get(AssignmentRow, assignment_id)
    if found is None:
        raise NotFound(f"there is no assignment {assignment_id}")
    return found


def item_of(session: Session, assignment_id: int) -> ItemRow:
    """What it is about.

    Raises:
        NotFound: there is no such assignment.
    """
    task_id = assignment_of(session, assignment_id).task_id
    return session.scalars(
        select(ItemRow).join(TaskRow, TaskRow.item_id == ItemRow.id).where(TaskRow.id == task_id)
    ).one()


def shown_prediction(session: Session, assignment_id: int, annotator_id: int) -> Prediction:
    """What the model says of it, to whoever holds it in a project that shows predictions.

    Raises:
        NotFound: there is no such assignment, or no prediction.
        Forbidden: the project shows none.
        Conflict: they do not hold it.
    """
    assignment = assignment_of(session, assignment_id)
    project = load_project(session, assignment.project_id)
    if project.settings.prefill == "never":
        raise Forbidden(f"project {project.name!r} shows no predictions")
    theirs = (AssignmentRow.id == assignment_id, AssignmentRow.annotator_id == annotator_id)
    if not leases.held(session, project, *theirs):
        raise Conflict("you do not hold this item: lease one first")
    prediction = session.get_one(TaskRow, assignment.task_id).prediction
    if prediction is None:
        raise NotFound("there is no prediction for this item")
    return PREDICTION.validate_python(prediction)
