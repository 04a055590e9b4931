"""What production systems report: a user's correction, a rule engine's verdict, on an image that they met."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from alframe.errors import Conflict
from alframe.labelling.images import StoredImage
from alframe.labelling.items import Items, NewItem
from alframe.labelling.labels import dump_label
from alframe.labelling.projects import Project, load_project
from alframe.labelling.queue.submissions import Answer
from alframe.labelling.queue.tasks import NewTask, add_tasks, last_round, raise_priority
from alframe.labelling.rules import broken
from alframe.labelling.settling.reports import critical_classes, report_key, settle_report
from alframe.labelling.settling.reviewing import give_to_review
from alframe.labelling.settling.settlements import holding
from alframe.storage.service import ServiceDatabase, record
from alframe.storage.service.tables import FeedbackRow, GoldRow, ItemRow, SettlementRow, TaskRow
from alframe.types import Label

Signal: TypeAlias = Literal["feedback", "rule"]
"""Who corrects: a user, or a rule engine. The project's ``signals`` say what that counts for."""

PEOPLE = frozenset({"review", "consensus", "import", "feedback"})
"""Sources in which somebody looked at the image: where two of them contradict each other, people look again."""

FIRST = 1
"""The priority of what is doubted: before what the strategy asks for."""


@dataclass(frozen=True)
class Reported:
    """What became of a report: sent again, it says the same.

    Attributes:
        feedback_id: names it.
        item_id: the image.
        sample_id: its name in the project.
        version: of the item's label that the correction became; ``None`` where it became none.
        created_at: when it first came.
    """

    feedback_id: int
    item_id: int
    sample_id: str
    version: int | None
    created_at: datetime


def report(
    database: ServiceDatabase,
    project_id: int,
    image: StoredImage,
    *,
    key: str,
    prediction: Label | None,
    correction: Label | None,
    signal: Signal,
    by: str,
) -> Reported:
    """Keep a report, and let its correction hold where the project's ``signals`` let it, whenever it comes.

    An image that the project has not got becomes an item of it. A correction that is weaker than what holds changes
    nothing. Where it contradicts what somebody else saw, or breaks a rule, people are asked about the item again, once
    in each round of the cycle; what breaks a rule does not hold meanwhile. What names a safety-critical class is for a
    reviewer to decide. While people are asked about the item nothing holds before they have settled it: they are asked
    sooner, and afterwards the correction holds where it is stronger than they. Of held items, and of gold, the report
    is kept, and nothing follows from it by itself.

    Args:
        database: of the service.
        project_id: which project.
        image: as the store keeps it.
        key: the system's name for the report: it may be sent again.
        prediction: what the system's model said.
        correction: what it should have said; ``None`` where nobody says.
        signal: who says so.
        by: the name of the system.

    Raises:
        NotFound: there is no such project.
        Conflict: the key stands for another report.
    """
    body = [image.sha256, dump_label(prediction), dump_label(correction), signal]
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    item_id = _item(database, project_id, image, by)
    with database.write() as session:
        project = load_project(session, project_id, lock=True)
        same = select(FeedbackRow).where(FeedbackRow.project_id == project_id, FeedbackRow.key == key)
        if (there := session.scalar(same)) is not None:
            if there.body_sha256 != digest:
                raise Conflict(f"the key {key!r} stands for another report; give this one a key of its own")
            return _receipt(session, there)
        row = FeedbackRow(
            project_id=project_id,
            item_id=item_id,
            key=key,
            body_sha256=digest,
            prediction=dump_label(prediction),
            correction=dump_label(correction),
            signal=signal,
            reported_by=by,
        )
        session.add(row)
        session.flush()
        item = session.get_one(ItemRow, item_id)
        if correction is not None and not item.held:
            _weigh(session, project, item, row, correction)
        record(session, by, "feedback.report", f"item/{item_id}", {"feedback": row.id, "signal": signal})
        return _receipt(session, row)


def _item(database: ServiceDatabase, project_id: int, image: StoredImage, by: str) -> int:
    """The item of the image, made where there is none."""
    with database.read() as session:
        known = select(ItemRow.id).where(ItemRow.project_id == project_id, ItemRow.image == image.sha256)
        found = session.scalar(known.order_by(ItemRow.id).limit(1))
    if found is not None:
        return found
    name = f"feedback/{image.sha256}"
    return Items(database).add(project_id, [NewItem(name, image)], by=by)[name]


def _weigh(session: Session, project: Project, item: ItemRow, row: FeedbackRow, correction: Label) -> None:
    gold = select(GoldRow.id).where(GoldRow.item_id == item.id, ~GoldRow.retired)
    if session.scalar(gold) is not None:
        return  # its label is certain
    if session.scalar(select(TaskRow.id).where(*_asked(item)).limit(1)) is not None:
        raise_priority(session, FIRST, *_asked(item))
    elif sentences := broken(Answer(correction), project, item.width, item.height):
        _ask_again(session, project, item, f"a correction breaks a rule: {'; '.join(sentences)}")
    elif critical := critical_classes(project, correction):
        give_to_review(session, project, item.id, correction, f"a correction to {', '.join(critical)}")
    else:
        last = holding(session, item.id)
        settle_report(session, project, row, correction)
        if last is not None and last.label != row.correction and {last.source, row.signal} <= PEOPLE:
            _ask_again(session, project, item, f"a user contradicts the {last.source}")


def _asked(item: ItemRow) -> tuple[ColumnElement[bool], ...]:
    """The tasks in which people are at an item."""
    return TaskRow.item_id == item.id, TaskRow.kind != "gold", TaskRow.state.in_(["open", "complete", "review"])


def _ask_again(session: Session, project: Project, item: ItemRow, why: str) -> None:
    round, overlap = last_round(session, project.id), project.settings.overlap
    if add_tasks(session, project, round, [NewTask(item.id)], "", "relabel", FIRST, overlap):
        record(session, "system", "item.doubt", f"item/{item.id}", {"why": why})


def _receipt(session: Session, row: FeedbackRow) -> Reported:
    version = session.scalar(select(SettlementRow.version).where(SettlementRow.key == report_key(row)))
    item = session.get_one(ItemRow, row.item_id)
    return Reported(row.id, item.id, item.sample_id, version, row.created_at)
