"""Predictions that are taken without people, as long as samples of them that people check turn out right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from alframe.errors import InvalidInput
from alframe.functional import evidence_below, share_interval
from alframe.labelling.labels import load_label
from alframe.labelling.projects import Project, load_project
from alframe.labelling.queue.submissions import Answer
from alframe.labelling.queue.tasks import NewTask, add_tasks
from alframe.labelling.rows import lock_items
from alframe.labelling.rules import broken
from alframe.labelling.settling.agreement import alike
from alframe.labelling.settling.reports import critical_classes
from alframe.labelling.settling.settlements import append
from alframe.storage.service import ServiceDatabase, record
from alframe.storage.service.tables import GoldRow, ItemRow, ProjectRow, SettlementRow, TaskRow
from alframe.storage.tables import now
from alframe.types import Label

LEVEL = 0.05
"""Probability that accepting is ever stopped although it was accurate enough all the time."""


@dataclass(frozen=True)
class Confident:
    """What the model says of an item, and how sure it is: the probability of its class, in [0, 1]."""

    item_id: int
    label: Label
    confidence: float


@dataclass(frozen=True)
class Accepted:
    """What a round took without people.

    Attributes:
        accepted: ids of the items whose prediction holds.
        audited: those of them that people label too.
        stopped: why nothing is taken; ``None`` where nothing stands against it.
    """

    accepted: tuple[int, ...]
    audited: tuple[int, ...]
    stopped: str | None = None


@dataclass(frozen=True)
class Audit:
    """What people said of predictions that had been taken, since a manager last let it go on.

    Attributes:
        audited: how many they checked.
        right: how many of these they agreed with.
        interval: where the accuracy lies: at all looks together it is missed with ``LEVEL`` at most.
        stopped: why nothing is taken any more; ``None`` where nothing stands against it.
    """

    audited: int
    right: int
    interval: tuple[float, float]
    stopped: str | None


def accept(
    database: ServiceDatabase,
    project_id: int,
    round: int,
    predictions: Sequence[Confident],
    *,
    model: str,
    rng: np.random.Generator,
    by: str,
) -> Accepted:
    """Take the predictions that are sure enough, unless an audit speaks against it, and draw some for people to check.

    Not taken is what has a label or is gold or held, what breaks a rule, and what has a safety-critical class. Those
    who check see no prediction. What people agree on overrules what was taken, as the project's ``signals`` have it.
    The same round again takes nothing more, and says the same.

    Args:
        database: of the service.
        project_id: whose ``auto_accept`` says how sure is sure enough.
        round: of the cycle.
        predictions: of unlabelled items.
        model: the version of the model.
        rng: draws what people check.
        by: who runs the cycle.

    Raises:
        NotFound: there is no such project.
        InvalidInput: a confidence outside [0, 1].
    """
    if not all(0 <= each.confidence <= 1 for each in predictions):
        raise InvalidInput("confidences are probabilities, in [0, 1]; give that of the predicted class")
    if stopped := audit(database, project_id).stopped:
        return Accepted((), (), stopped)
    with database.write() as session:
        project = load_project(session, project_id, lock=True)
        least = project.settings.auto_accept.confidence
        if least is None:
            return Accepted((), ())
        taken = _taken(session, project_id, round)
        if not taken:
            sure = _fit(session, project, [each for each in predictions if each.confidence >= least])
            lock_items(session, [each.item_id for each in sure])
            for each in sure:
                append(
                    session,
                    project,
                    each.item_id,
                    key=_key(round, each.item_id),
                    label=each.label,
                    source="auto",
                    settled_by=model,
                    confidence=each.confidence,
                )
            drawn = rng.random(len(sure)) < project.settings.auto_accept.audit_share
            tasks = [NewTask(each.item_id) for each, check in zip(sure, drawn, strict=True) if check]
            add_tasks(session, project, round, tasks, model, "audit", 0, project.settings.overlap)
            taken = tuple(each.item_id for each in sure)
            detail = {"round": round, "model": model, "accepted": len(taken), "audited": len(tasks)}
            record(session, by, "auto_accept.accept", f"project/{project_id}", detail)
        audits = TaskRow.project_id == project_id, TaskRow.round == round, TaskRow.kind == "audit"
        return Accepted(taken, tuple(session.scalars(select(TaskRow.item_id).where(*audits).order_by(TaskRow.item_id))))


def audit(database: ServiceDatabase, project_id: int) -> Audit:
    """Hold what was taken against what people said of it; where it is surely too often wrong, take nothing any more.

    Looked at as often as anybody likes: the evidence is a betting one, so that all looks together stop what is accurate
    enough with probability ``LEVEL`` at most, whichever models the predictions were by (see ``evidence_below``).

    Raises:
        NotFound: there is no such project.
    """
    with database.read() as session:
        project, row = load_project(session, project_id), session.get_one(ProjectRow, project_id)
        checks = _checks(session, project, row)
        stopped = row.auto_stopped
    audited, right = len(checks), sum(checks)
    rule = project.settings.auto_accept
    if (
        not stopped
        and audited >= rule.least_audited
        and evidence_below(right, audited, rule.least_accuracy) >= 1 / LEVEL
    ):
        stopped = f"of {audited} audited predictions {right} were right; {rule.least_accuracy:.1%} are asked for"
        with database.write() as session:
            row = session.get_one(ProjectRow, project_id, with_for_update={"key_share": True})
            row.auto_stopped = stopped
            detail = {"audited": audited, "right": right, "least_accuracy": rule.least_accuracy}
            session.flush()
            record(session, "system", "auto_accept.stop", f"project/{project_id}", detail)
    return Audit(audited, right, share_interval(right, audited, LEVEL), stopped or None)


def resume(database: ServiceDatabase, project_id: int, *, by: str) -> None:
    """Take predictions again; what was audited so far counts no longer.

    Raises:
        NotFound: there is no such project.
    """
    with database.write() as session:
        load_project(session, project_id, lock=True)
        row = session.get_one(ProjectRow, project_id)
        row.auto_stopped, row.auto_since = "", now()
        session.flush()
        record(session, by, "auto_accept.resume", f"project/{project_id}")


def _fit(session: Session, project: Project, sure: Sequence[Confident]) -> list[Confident]:
    """Those that may be taken, each once, by item."""
    labelled = exists().where(SettlementRow.item_id == ItemRow.id)
    gold = exists().where(GoldRow.item_id == ItemRow.id)
    free = select(ItemRow.id, ItemRow.width, ItemRow.height).where(
        ItemRow.project_id == project.id, ItemRow.held == "", ~labelled, ~gold
    )
    sizes = {item_id: (width, height) for item_id, width, height in session.execute(free)}
    found = {each.item_id: each for each in sure if each.item_id in sizes}
    return [
        found[item_id]
        for item_id in sorted(found)
        if not critical_classes(project, found[item_id].label)
        and not broken(Answer(found[item_id].label), project, *sizes[item_id])
    ]


def _taken(session: Session, project_id: int, round: int) -> tuple[int, ...]:
    """The items that the round has taken already."""
    own = SettlementRow.project_id == project_id, SettlementRow.key.startswith(_key(round, ""), autoescape=True)
    return tuple(session.scalars(select(SettlementRow.item_id).where(*own).order_by(SettlementRow.item_id)))


def _checks(session: Session, project: Project, row: ProjectRow) -> list[bool]:
    """Whether people agreed, for each audit that came to an end."""
    taken = select(TaskRow.id, SettlementRow.label, ItemRow.height, ItemRow.width).where(
        TaskRow.project_id == project.id,
        TaskRow.kind == "audit",
        SettlementRow.item_id == TaskRow.item_id,
        SettlementRow.source == "auto",
        ItemRow.id == TaskRow.item_id,
    )
    if row.auto_since is not None:
        taken = taken.where(SettlementRow.created_at > row.auto_since)
    said = (
        select(SettlementRow.task_id, SettlementRow.label)
        .join(TaskRow, TaskRow.id == SettlementRow.task_id)
        .where(TaskRow.project_id == project.id, TaskRow.kind == "audit")
        .order_by(SettlementRow.id)
    )
    came_to: dict[int | None, Any] = dict(session.execute(said).all())
    return [
        alike(load_label(label), load_label(came_to[task]), project, (height, width))
        for task, label, height, width in session.execute(taken)
        if task in came_to
    ]


def _key(round: int, item_id: int | str) -> str:
    return f"auto/{round}/{item_id}"
