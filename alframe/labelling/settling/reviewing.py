"""Review: what people disagree on, and what needs a second look, is decided by one who sees all answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from alframe.errors import Conflict, InvalidInput, NotFound
from alframe.labelling.labels import dump_label, load_label
from alframe.labelling.projects import Project, load_project
from alframe.labelling.queue.submissions import Answer
from alframe.labelling.queue.tasks import PREDICTION, NewTask, add_tasks, close_assignments, last_round
from alframe.labelling.rules import broken
from alframe.labelling.settling import settlements
from alframe.labelling.settling.opinions import opinions
from alframe.labelling.settling.reports import weigh_reports
from alframe.storage.service import ServiceDatabase, record
from alframe.storage.service.tables import ItemRow, SettlementRow, SubmissionRow, TaskRow
from alframe.storage.tables import now
from alframe.types import Label, Prediction


@dataclass(frozen=True)
class Waiting:
    """A task that waits for a reviewer, and why."""

    task_id: int
    item_id: int
    sample_id: str
    kind: str
    reason: str
    created_at: datetime


@dataclass(frozen=True)
class HeardAnswer:
    """One person's answer, and the rules that it breaks."""

    submission_id: int
    annotator_id: int
    annotator: str
    answer: Answer
    broken: list[str]


@dataclass(frozen=True)
class Case:
    """All that is known of a task.

    Attributes:
        task_id: the task.
        project_id: its project.
        item_id: its image.
        sample_id: the image's name in the data source.
        width: of the image, in pixels.
        height: of the image, in pixels.
        state: of the task; only what is in ``review`` is decided.
        reason: why it is in review.
        proposed: what people come to, as far as they do.
        prediction: what the model says; ``None`` where there was no model yet.
        answers: everybody's last one to this item, the earliest first.
        holds: the latest settlement's label, if there is one; ``None`` too where that says there is none.
        version: of the latest settlement; 0 if there is none.
    """

    task_id: int
    project_id: int
    item_id: int
    sample_id: str
    width: int
    height: int
    state: str
    reason: str
    proposed: Label | None
    prediction: Prediction | None
    answers: list[HeardAnswer]
    holds: Label | None
    version: int


class Reviews:
    """The tasks of a service that reviewers decide."""

    def __init__(self, database: ServiceDatabase) -> None:
        self._database = database

    def waiting(self, project_id: int, *, after: int = 0, limit: int = 100) -> list[Waiting]:
        """Tasks of a project in review, by their ids from ``after`` on."""
        rows = (
            select(TaskRow, ItemRow.sample_id)
            .join(ItemRow, ItemRow.id == TaskRow.item_id)
            .where(TaskRow.project_id == project_id, TaskRow.state == "review", TaskRow.id > after, ItemRow.held == "")
            .order_by(TaskRow.id)
            .limit(limit)
        )
        with self._database.read() as session:
            return [
                Waiting(task.id, task.item_id, sample_id, task.kind, task.reason, task.created_at)
                for task, sample_id in session.execute(rows)
            ]

    def opened(self, task_id: int) -> Case:
        """All answers to a task side by side, with what people and the model come to.

        Raises:
            NotFound: there is no such task, or its item is held.
        """
        with self._database.read() as session:
            task, item, project = _known(session, task_id)
            heard = opinions(session, SubmissionRow.item_id == item.id).get(item.id, [])
            holds = settlements.holding(session, item.id)
            return Case(
                task_id=task.id,
                project_id=project.id,
                item_id=item.id,
                sample_id=item.sample_id,
                width=item.width,
                height=item.height,
                state=task.state,
                reason=task.reason,
                proposed=load_label(task.proposed),
                prediction=None if task.prediction is None else PREDICTION.validate_python(task.prediction),
                answers=[
                    HeardAnswer(
                        each.submission_id,
                        each.annotator_id,
                        each.annotator,
                        each.answer,
                        broken(each.answer, project, item.width, item.height),
                    )
                    for each in heard
                ],
                holds=None if holds is None else load_label(holds.label),
                version=0 if holds is None else holds.version,
            )

    def decide(self, task_id: int, label: Label | None, reason: str, key: str, *, by: str) -> settlements.Settlement:
        """Settle a task in review; the same again under one ``key`` gives the first settlement again.

        Args:
            task_id: the task.
            label: what holds; ``None`` where the item cannot be labelled.
            reason: why; needed where there is no label.
            key: the client's name for the request.
            by: the reviewer's name.

        Raises:
            NotFound: there is no such task, or its item is held.
            Conflict: it is not in review any more, the key stands for another decision, or the project's ``signals``
                put what holds before a review.
            InvalidInput: no label, and no reason why.
        """
        if label is None and not reason.strip():
            raise InvalidInput("a decision without a label needs a reason: why can it not be labelled?")
        its_key = f"review/{task_id}/{by}/{key}"
        with self._database.write() as session:
            task, item, project = _known(session, task_id, lock=True)
            again = session.scalar(select(SettlementRow.id).where(SettlementRow.key == its_key)) is not None
            if task.state != "review" and not again:
                raise Conflict(f"task {task_id} is {task.state}, not in review: load it again")
            version = settlements.append(
                session,
                project,
                item.id,
                key=its_key,
                label=label,
                source="review",
                settled_by=by,
                reason=reason,
                task_id=task_id,
                confidence=1.0,
            )
            if version is None:
                raise Conflict(f"what holds of item {item.id} has a source that signals put before review")
            if not again:
                task.state, task.settled_at = "settled", now()
                session.flush()
                record(session, by, "task.decide", f"task/{task_id}", {"item": item.id, "version": version})
                weigh_reports(session, project, item.id)
        return next(each for each in settlements.history(self._database, item.id) if each.version == version)


def give_to_review(session: Session, project: Project, item_id: int, proposed: Label, reason: str) -> None:
    """Let a reviewer decide on a label that nobody was asked for: an import's, a production system's."""
    round = last_round(session, project.id)
    if not add_tasks(session, project, round, [NewTask(item_id)], "", "relabel", 0, 1):
        return  # the round has asked people already
    made = TaskRow.item_id == item_id, TaskRow.round == round, TaskRow.kind == "relabel"
    task = session.scalars(select(TaskRow).where(*made)).one()
    close_assignments(session, TaskRow.id == task.id)
    task.state, task.reason, task.proposed = "review", reason, dump_label(proposed)
    session.flush()
    record(session, "system", "task.review", f"task/{task.id}", {"item": item_id, "reason": reason})


def _known(session: Session, task_id: int, *, lock: bool = False) -> tuple[TaskRow, ItemRow, Project]:
    task = session.get(TaskRow, task_id, with_for_update={"key_share": True} if lock else None)
    if task is None:
        raise NotFound(f"there is no task {task_id}")
    item = session.get_one(ItemRow, task.item_id)
    if item.held:
        raise NotFound(f"the image of task {task_id} is held: nobody may see it until it is released")
    return task, item, load_project(session, task.project_id)
