"""Review: what people disagree on, decided by one who sees all answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends

from alframe.access.roles import Role
from alframe.labelling import dump_label, parse_label
from alframe.labelling.settling.reviewing import Case, HeardAnswer
from alframe.server.bodies import JsonRoute
from alframe.server.permission import Caller, InProject, OfTask, ServiceHere
from alframe.server.routes.labels import SettlementOut, settlement_out
from alframe.server.wire import AfterTask, Answer, Body, IdempotencyKey, LabelJson, Limit, Line, Page, TaskId, page_of

router = APIRouter(route_class=JsonRoute, tags=["reviews"])

Reviewer = Annotated[Caller, Depends(OfTask(Role.reviewer))]


class WaitingOut(Answer):
    """A task that waits for a reviewer, and why."""

    id: int
    item: int
    sample_id: str
    kind: str
    reason: str
    created_at: datetime


class SaidOut(Answer):
    """One person's answer, and the rules that it breaks."""

    id: int
    annotator: str
    label: LabelJson
    reason: str
    rationale: str
    prediction_shown: bool
    seconds: float | None
    broken: list[str]


class CaseOut(Answer):
    """All that is known of a task; ``proposed`` is what people come to, ``holds`` what was settled before."""

    id: int
    item: int
    sample_id: str
    width: int
    height: int
    state: str
    reason: str
    proposed: LabelJson
    prediction: LabelJson
    submissions: list[SaidOut]
    holds: LabelJson
    version: int


class Decision(Body):
    """What holds; ``label`` is null where it cannot be labelled, and ``reason`` says why."""

    label: LabelJson
    reason: Line = ""


@router.get("/projects/{project}/reviews")
def list_reviews(
    caller: Annotated[Caller, Depends(InProject(Role.reviewer))],
    service: ServiceHere,
    limit: Limit = 100,
    after: AfterTask = 0,
) -> Page[WaitingOut]:
    """The tasks that wait for a reviewer."""
    found = [
        WaitingOut(
            id=each.task_id,
            item=each.item_id,
            sample_id=each.sample_id,
            kind=each.kind,
            reason=each.reason,
            created_at=each.created_at,
        )
        for each in service.reviews.waiting(caller.project.id, after=after, limit=limit + 1)
    ]
    return page_of(found, limit)


@router.get("/tasks/{task}")
def show_task(_: Reviewer, service: ServiceHere, task: TaskId) -> CaseOut:
    """All answers to a task side by side."""
    return _case(service.reviews.opened(task))


@router.post("/tasks/{task}/decision", status_code=201)
def decide(caller: Reviewer, service: ServiceHere, task: TaskId, body: Decision, key: IdempotencyKey) -> SettlementOut:
    """Settle a task in review."""
    case = service.reviews.opened(task)
    label = parse_label(body.label, caller.project, case.width, case.height)
    return settlement_out(service.reviews.decide(task, label, body.reason, key, by=caller.user.name))


def _case(case: Case) -> CaseOut:
    return CaseOut(
        id=case.task_id,
        item=case.item_id,
        sample_id=case.sample_id,
        width=case.width,
        height=case.height,
        state=case.state,
        reason=case.reason,
        proposed=dump_label(case.proposed),
        prediction=None if case.prediction is None else dump_label(case.prediction.label),
        submissions=[_said(each) for each in case.answers],
        holds=dump_label(case.holds),
        version=case.version,
    )


def _said(heard: HeardAnswer) -> SaidOut:
    answer = heard.answer
    return SaidOut(
        id=heard.submission_id,
        annotator=heard.annotator,
        label=dump_label(answer.label),
        reason=answer.reason,
        rationale=answer.rationale,
        prediction_shown=answer.prediction_shown,
        seconds=answer.seconds,
        broken=heard.broken,
    )
