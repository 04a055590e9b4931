"""What the database knows of the work on a project, read once: tasks, items, answers, and labels that hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from alframe.labelling.labels import load_label
from alframe.labelling.settling.settlements import latest
from alframe.storage.service.tables import GoldRow, ItemRow, SettlementRow, SubmissionRow, TaskRow, UserRow
from alframe.types import Label

STATES = ("open", "complete", "review", "settled", "withdrawn")
"""Of tasks."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer: whose, to which item, on which day (UTC), and what; no label is "cannot tell"."""

    item_id: int
    annotator_id: int
    label: Label | None
    seconds: float | None
    day: str


@dataclass(frozen=True, slots=True)
class Known:
    """One item: its slice, its height and width."""

    id: int
    group: str
    size: tuple[int, int]


@dataclass(frozen=True)
class Tally:
    """The work on one project, on its items that are not held.

    Attributes:
        tasks: how many are in each state; gold does not count.
        settled_on: how many were settled on each day.
        items: all of them, by id.
        queried: ids of those that people were asked about; gold does not count.
        labels: what holds, by item id.
        gold: what is certain, by item id, as long as it is asked for.
        answers: all, in the order they came.
        names: of who gave them, by user id.
    """

    tasks: Mapping[str, int]
    settled_on: Mapping[str, int]
    items: Sequence[Known]
    queried: frozenset[int]
    labels: Mapping[int, Label]
    gold: Mapping[int, Label]
    answers: Sequence[Answered]
    names: Mapping[int, str]


def read_tally(session: Session, project_id: int) -> Tally:
    """All of it, in eight queries; items that are held do not count, nor does what was said of them."""
    shown = select(ItemRow.id).where(ItemRow.project_id == project_id, ItemRow.held == "")
    asked = (TaskRow.project_id == project_id, TaskRow.kind != "gold", TaskRow.item_id.in_(shown))
    states = dict(session.execute(select(TaskRow.state, func.count()).where(*asked).group_by(TaskRow.state)).all())
    day = func.date(TaskRow.settled_at)
    settled = session.execute(select(day, func.count()).where(*asked, TaskRow.state == "settled").group_by(day))
    items = session.execute(
        shown.with_only_columns(ItemRow.id, ItemRow.group, ItemRow.height, ItemRow.width).order_by(ItemRow.id)
    )
    gold = select(GoldRow.item_id, GoldRow.label).where(GoldRow.item_id.in_(shown), ~GoldRow.retired)
    labels = select(SettlementRow.item_id, SettlementRow.label).where(latest(project_id))
    answers = SubmissionRow.project_id == project_id, SubmissionRow.item_id.in_(shown)
    people = select(SubmissionRow.annotator_id).where(*answers)
    return Tally(
        tasks={state: states.get(state, 0) for state in STATES},
        settled_on=Counter({str(day): count for day, count in settled if day is not None}),
        items=[Known(item_id, group, (height, width)) for item_id, group, height, width in items],
        queried=frozenset(session.scalars(select(TaskRow.item_id).where(*asked))),
        labels=_labels(session, labels.where(SettlementRow.item_id.in_(shown))),
        gold=_labels(session, gold),
        answers=_answers(session, *answers),
        names=dict(session.execute(select(UserRow.id, UserRow.name).where(UserRow.id.in_(people))).all()),
    )


def _labels(session: Session, wanted: Any) -> dict[int, Label]:
    found = ((item_id, load_label(stored)) for item_id, stored in session.execute(wanted))
    return {item_id: label for item_id, label in found if label is not None}


def _answers(session: Session, *which: ColumnElement[bool]) -> list[Answered]:
    columns = (
        SubmissionRow.item_id,
        SubmissionRow.annotator_id,
        SubmissionRow.label,
        SubmissionRow.seconds,
        func.date(SubmissionRow.created_at),
    )
    wanted = select(*columns).where(*which).order_by(SubmissionRow.id)
    return [
        Answered(item_id, annotator_id, load_label(label), seconds, str(day))
        for item_id, annotator_id, label, seconds, day in session.execute(wanted)
    ]
