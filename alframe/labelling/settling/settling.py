"""Settling: what people answered becomes a label that holds, a question to one more of them, or a reviewer's case."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from alframe.labelling.labels import dump_label
from alframe.labelling.projects import Project, load_project
from alframe.labelling.queue.eligible import review_stranded, somebody_is_left
from alframe.labelling.queue.submissions import Answer
from alframe.labelling.queue.tasks import add_assignment
from alframe.labelling.rules import broken
from alframe.labelling.settling import settlements
from alframe.labelling.settling.opinions import Opinion, Proposal, opinions, proposals
from alframe.labelling.settling.reports import critical_classes, weigh_reports
from alframe.storage.service import ServiceDatabase, record
from alframe.storage.service.tables import (
    AssignmentRow,
    ItemRow,
    SubmissionRow,
    TaskRow,
)
from alframe.storage.tables import now
from alframe.types import Label, Objects

TOLD = 5
"""Broken rules that a reviewer is told of; the case shows all."""

ROUNDING = 1e-9
"""Of sums of weights."""


def settle(database: ServiceDatabase, project_id: int, *, rng: np.random.Generator) -> int:
    """Settle every complete task of the project; several servers may do so at once, and a repeat changes nothing.

    A task goes to review where an answer breaks a rule, where somebody gave a safety-critical class, where people
    disagree and nobody is left to ask, by chance, and where nobody is left who may answer it at all. Where they
    disagree one person more is asked. What is left is settled. Where all cannot tell, that holds: no label, with
    their reasons. Held items wait until they are released.

    Args:
        database: of the service.
        project_id: whose settings say how.
        rng: decides which tasks a reviewer sees by chance, once for each.

    Returns:
        How many tasks were settled, opened again or given to a reviewer.

    Raises:
        NotFound: there is no such project.
        ConfigurationError: the consensus is ``crowdlab``, and cleanlab is not installed.
    """
    with database.read() as session:
        project = load_project(session, project_id)
        complete = (
            select(TaskRow.id, TaskRow.item_id)
            .join(ItemRow, ItemRow.id == TaskRow.item_id)
            .where(TaskRow.project_id == project_id, TaskRow.state == "complete", TaskRow.kind != "gold")
            .where(ItemRow.held == "")
            .order_by(TaskRow.id)
        )
        tasks = session.execute(complete).all()
        proposed = proposals(session, project, {item_id for _, item_id in tasks}) if tasks else {}
    done = sum(_settle(database, project, task_id, proposed[item_id], rng) for task_id, item_id in tasks)
    return done + review_stranded(database, project_id)


def _settle(
    database: ServiceDatabase, project: Project, task_id: int, proposal: Proposal, rng: np.random.Generator
) -> bool:
    """Settle one task, unless somebody else does, or it is another one by now."""
    with database.write() as session:
        # PostgreSQL passes over what another server settles just now; on SQLite there is one writer.
        still = select(TaskRow).where(TaskRow.id == task_id, TaskRow.state == "complete")
        task = session.scalar(still.with_for_update(skip_locked=True, key_share=True))
        if task is None or session.get_one(ItemRow, task.item_id).held:
            return False
        given = opinions(session, SubmissionRow.item_id == task.item_id)[task.item_id]
        if {each.submission_id for each in given} != proposal.of:
            return False  # somebody has answered since
        if all(each.answer.label is None for each in given):
            _give_up(session, project, task, given)
        elif sentences := list(_broken(session, project, task, given, proposal)):
            more = f", and {len(sentences) - TOLD} more" if len(sentences) > TOLD else ""
            _review(session, task, proposal, f"rules: {'; '.join(sentences[:TOLD])}{more}")
        elif proposal.label is None or proposal.agreement < project.settings.agreement - ROUNDING:
            _ask_more(session, project, task, given, proposal)
        elif why := _second_look(project, given, rng):
            _review(session, task, proposal, f"second look: {why}")
        else:
            _hold(session, project, task, given, proposal)
        return True


def _give_up(session: Session, project: Project, task: TaskRow, given: Sequence[Opinion]) -> None:
    reasons = "; ".join(dict.fromkeys(each.answer.reason for each in given))
    _hold(session, project, task, given, Proposal(None, 1.0, 1.0, frozenset()), reasons)


def _hold(
    session: Session,
    project: Project,
    task: TaskRow,
    given: Sequence[Opinion],
    proposal: Proposal,
    reason: str = "",
) -> None:
    version = settlements.append(
        session,
        project,
        task.item_id,
        key=f"consensus/{task.id}",
        label=proposal.label,
        source="consensus",
        settled_by=", ".join(sorted(each.annotator for each in given)),
        reason=reason,
        task_id=task.id,
        confidence=proposal.confidence,
        agreement=proposal.agreement,
    )
    task.state, task.settled_at = "settled", now()
    session.flush()
    record(session, "system", "task.settle", f"task/{task.id}", {"item": task.item_id, "version": version})
    weigh_reports(session, project, task.item_id)


def _review(session: Session, task: TaskRow, proposal: Proposal, reason: str) -> None:
    task.state, task.reason, task.proposed = "review", reason, dump_label(proposal.label)
    session.flush()
    record(session, "system", "task.review", f"task/{task.id}", {"item": task.item_id, "reason": reason})


def _ask_more(session: Session, project: Project, task: TaskRow, given: Sequence[Opinion], proposal: Proposal) -> None:
    theirs = AssignmentRow.task_id == task.id, AssignmentRow.state != "closed"
    asked = session.scalars(select(func.count()).select_from(AssignmentRow).where(*theirs)).one()
    left = somebody_is_left(task.id, task.project_id)
    if asked < project.settings.max_overlap and session.scalar(select(left)):
        add_assignment(session, task)
        record(session, "system", "task.reopen", f"task/{task.id}", {"item": task.item_id, "asked": asked + 1})
    else:
        _review(session, task, proposal, f"people disagree: {_summary(project, given, proposal)}")


def _summary(project: Project, given: Sequence[Opinion], proposal: Proposal) -> str:
    if any(isinstance(each.answer.label, Objects) for each in given):
        return f"what {len(given)} of them drew overlaps by {proposal.agreement:.2f}"
    said = Counter(each.answer.label for each in given)
    return ", ".join(_told(project, label, count) for label, count in said.most_common())


def _told(project: Project, label: Label | None, count: int) -> str:
    if not isinstance(label, int):
        return f"{count} cannot tell"
    return f'{count} {"says" if count == 1 else "say"} "{project.classes[label]}"'


def _broken(
    session: Session, project: Project, task: TaskRow, given: Sequence[Opinion], proposal: Proposal
) -> Iterator[str]:
    """What is wrong with any answer, and with what they come to."""
    item = session.get_one(ItemRow, task.item_id)
    size = item.width, item.height
    for each in given:
        for sentence in broken(each.answer, project, *size):
            yield f"{each.annotator}: {sentence}"
    if proposal.label is not None:
        rationale = " ".join(each.answer.rationale for each in given)
        yield from broken(Answer(proposal.label, rationale=rationale), project, *size)


def _second_look(project: Project, given: Sequence[Opinion], rng: np.random.Generator) -> str | None:
    if critical := sorted({name for each in given for name in critical_classes(project, each.answer.label)}):
        return f"{', '.join(critical)} is safety-critical"
    if rng.random() < project.settings.review_share:
        return "drawn by chance"
    return None
