"""Gold: items whose label is certain are mixed in among the others, and tell who can be relied on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from alframe.errors import Conflict, InvalidInput, NotFound
from alframe.labelling.labels import dump_label
from alframe.labelling.projects import Project, load_project
from alframe.labelling.settling.gold_scores import GoldScore, chance, gold_answers, gold_scores, known_label
from alframe.storage.service import ServiceDatabase, record
from alframe.storage.service.tables import AssignmentRow, GoldRow, ItemRow, TaskRow
from alframe.types import Label

_PREDICTED = (TaskRow.kind != "gold", TaskRow.prediction.is_not(None))


@dataclass(frozen=True)
class GoldItem:
    """An item whose label is certain."""

    item_id: int
    sample_id: str
    label: Label
    note: str
    retired: bool
    created_at: datetime


class Gold:
    """The gold items of a service's projects.

    Args:
        database: of the service.
        rng: decides when a gold item is due, and which; by default nobody can foresee it.
    """

    def __init__(self, database: ServiceDatabase, rng: np.random.Generator | None = None) -> None:
        self._database = database
        self._rng = np.random.default_rng() if rng is None else rng

    def add(self, project_id: int, item_id: int, label: Label, *, by: str, note: str = "") -> None:
        """Make an item gold; one that was retired is so again, with this label.

        Raises:
            NotFound: the project has no such item.
            Conflict: it is gold with another label: retire it first.
        """
        with self._database.write() as session:
            item = session.get(ItemRow, item_id)
            if item is None or item.project_id != project_id:
                raise NotFound(f"project {project_id} has no item {item_id}")
            known = dump_label(label)
            if known is None:
                raise InvalidInput("a gold item needs a label that is certain")
            row = session.scalar(select(GoldRow).where(GoldRow.item_id == item_id).with_for_update())
            if row is not None and not row.retired and row.label != known:
                raise Conflict(f"item {item_id} is gold with another label; retire it first")
            if row is None:
                row = GoldRow(project_id=project_id, item_id=item_id)
                session.add(row)
            row.label, row.note, row.retired = known, note, False
            session.flush()
            record(session, by, "gold.add", f"item/{item_id}", {"label": known})

    def retire(self, project_id: int, item_id: int, *, by: str) -> None:
        """Ask nobody for it any more; what was answered counts no longer.

        Raises:
            NotFound: the project has no such gold item.
        """
        with self._database.write() as session:
            row = session.scalar(select(GoldRow).where(GoldRow.item_id == item_id, GoldRow.project_id == project_id))
            if row is None:
                raise NotFound(f"item {item_id} is no gold item of project {project_id}")
            row.retired = True
            session.flush()
            record(session, by, "gold.retire", f"item/{item_id}")

    def all(self, project_id: int) -> list[GoldItem]:
        """Every gold item of a project, retired ones too and held ones not, in the order they were added."""
        rows = (
            select(GoldRow, ItemRow.sample_id)
            .join(ItemRow, ItemRow.id == GoldRow.item_id)
            .where(GoldRow.project_id == project_id, ItemRow.held == "")
            .order_by(GoldRow.id)
        )
        with self._database.read() as session:
            return [
                GoldItem(row.item_id, sample_id, known_label(row), row.note, row.retired, row.created_at)
                for row, sample_id in session.execute(rows)
            ]

    def scores(self, project_id: int) -> list[GoldScore]:
        """What gold items say of everybody who answered some, by annotator."""
        with self._database.read() as session:
            project = load_project(session, project_id)
            return gold_scores(gold_answers(session, project), chance(session, project))

    def mix(self, session: Session, project: Project, annotator_id: int, instead: int) -> int | None:
        """The assignment of a gold item, made for this person, or ``None``; for ``Queue``, in its transaction.

        With probability ``gold_share`` they get one that they have seen in no task, if there is any left. It looks
        like the assignment ``instead`` of which it comes: where that one's prediction can be seen, only a gold item is
        taken of which a model has said something too, when a round asked for it. Of one that was never asked for the
        model says nothing, and another item's prediction would be known by being wrong.
        """
        if self._rng.random() >= project.settings.gold_share:
            return None
        like = session.get_one(AssignmentRow, instead)
        predicted = session.get_one(TaskRow, like.task_id).prediction is not None
        seen = exists().where(
            TaskRow.item_id == GoldRow.item_id,
            TaskRow.id == AssignmentRow.task_id,
            AssignmentRow.annotator_id == annotator_id,
        )
        # Passed on, they are not offered again either.
        offered = exists().where(
            TaskRow.item_id == GoldRow.item_id, TaskRow.kind == "gold", TaskRow.round == annotator_id
        )
        unseen = (
            select(GoldRow.item_id)
            .join(ItemRow, ItemRow.id == GoldRow.item_id)
            .where(GoldRow.project_id == project.id, ~GoldRow.retired, ItemRow.held == "", ~seen, ~offered)
            .order_by(GoldRow.id)
        )
        if predicted and project.settings.prefill != "never":
            unseen = unseen.where(exists().where(TaskRow.item_id == GoldRow.item_id, *_PREDICTED))
        items = session.scalars(unseen).all()
        if not items:
            return None
        item_id = items[int(self._rng.integers(len(items)))]
        return _made(session, like, annotator_id, item_id, predicted)


def _made(session: Session, like: AssignmentRow, annotator_id: int, item_id: int, predicted: bool) -> int:
    # A gold task is one person's: its round is their id, so that the table refuses it a second time.
    task = TaskRow(project_id=like.project_id, item_id=item_id, round=annotator_id, kind="gold")
    last = select(TaskRow).where(TaskRow.item_id == item_id, *_PREDICTED).order_by(TaskRow.round.desc()).limit(1)
    if predicted and (own := session.scalar(last)) is not None:
        task.model, task.prediction = own.model, own.prediction
    session.add(task)
    session.flush()
    assignment = AssignmentRow(
        project_id=like.project_id,
        task_id=task.id,
        slot=0,
        annotator_id=annotator_id,
        priority=like.priority,
        score=like.score,
        place=like.place,
    )
    session.add(assignment)
    session.flush()
    return assignment.id
