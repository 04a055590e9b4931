"""Answers that people gave, written straight into the service's database, for tests of what is made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import insert

from alframe.labelling.labels import dump_label
from alframe.labelling.projects import Project
from alframe.storage.service import ServiceDatabase
from alframe.storage.service.tables import AssignmentRow, SubmissionRow, TaskRow
from alframe.types import Label

FIRST_DAY = datetime(2026, 1, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Given:
    """One answer, ``day`` days after the first of January 2026."""

    item_id: int
    annotator_id: int
    label: Label | None
    day: int = 0
    seconds: float | None = None


def write_answers(
    database: ServiceDatabase, project: Project, answers: Sequence[Given], kind: str = "label", state: str = "complete"
) -> None:
    """A task of round 0 for each item, in ``state``, with the answers; gold is asked for person by person."""
    keys = list(dict.fromkeys(_task(each, kind) for each in answers))
    own = {"project_id": project.id}
    with database.write() as session:
        tasks = [own | {"item_id": item, "round": round, "kind": kind, "state": state} for item, round in keys]
        made = session.execute(insert(TaskRow).returning(TaskRow.item_id, TaskRow.round, TaskRow.id), tasks)
        ids = {(item, round): task for item, round, task in made}
        slots = [
            own | {"task_id": ids[_task(each, kind)], "slot": each.annotator_id, "annotator_id": each.annotator_id}
            for each in answers
        ]
        done = session.execute(
            insert(AssignmentRow).returning(AssignmentRow.task_id, AssignmentRow.slot, AssignmentRow.id),
            [slot | {"state": "done"} for slot in slots],
        )
        places = {(task, slot): assignment for task, slot, assignment in done}
        submissions = [
            slot
            | {
                "item_id": each.item_id,
                "assignment_id": places[slot["task_id"], slot["slot"]],
                "key": f"{kind} {slot['task_id']}",
                "body_sha256": "",
                "label": dump_label(each.label),
                "seconds": each.seconds,
                "created_at": FIRST_DAY + timedelta(days=each.day),
            }
            for each, slot in zip(answers, slots, strict=True)
        ]
        for submission in submissions:
            del submission["slot"]
        session.execute(insert(SubmissionRow), submissions)


def _task(given: Given, kind: str) -> tuple[int, int]:
    return given.item_id, given.annotator_id if kind == "gold" else 0
