"""What annotators do: lease an item, hold it, answer it or pass it on."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from alframe.access.roles import Role
from alframe.labelling.labels import dump_label, parse_label
from alframe.labelling.queue.leases import Lease
from alframe.labelling.queue.submissions import Answer as Answered
from alframe.server.bodies import JsonRoute
from alframe.server.permission import Caller, InProject, OfAssignment, ServiceHere
from alframe.server.wire import LARGEST, Answer, Body, IdempotencyKey, LabelJson, Line, Page, TaskId, Text

router = APIRouter(route_class=JsonRoute, tags=["assignments"])

Annotator = Annotated[Caller, Depends(InProject(Role.annotator))]
Owner = Annotated[Caller, Depends(OfAssignment(Role.annotator))]

Fence = Annotated[int, Field(ge=0, le=LARGEST)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class LeaseOut(Answer):
    """An item that is the caller's for ``expires_in`` seconds. Nothing tells a gold item from another."""

    assignment: int
    task: int
    item: int
    project: int
    fence: int
    expires_in: float
    width: int
    height: int
    draft: Any | None
    prefill: LabelJson
    prediction: bool


class PredictionOut(Answer):
    """What the model says of an item."""

    label: LabelJson
    probs: tuple[float, ...] | None


class Held(Body):
    """Under which lease something is done."""

    fence: Fence


class Draft(Held):
    """What has been done so far, as the client likes it."""

    body: dict[str, Any]


class Passed(Held):
    """Why the item goes to somebody else, or to a reviewer."""

    kind: Literal["skip", "flag"]
    reason: Line = ""


class Submission(Held):
    """An answer; ``label`` is null where it cannot be told, and ``reason`` says why."""

    label: LabelJson
    reason: Line = ""
    rationale: Text = ""
    prediction_shown: bool = False
    seconds: Seconds | None = None


class ReceiptOut(Answer):
    """An answer that has been written down."""

    submission: int
    assignment: int
    task: int
    created_at: datetime


@router.post(
    "/projects/{project}/leases",
    response_model=LeaseOut,
    responses={204: {"description": "There is nothing for the caller now"}},
)
def lease(caller: Annotator, service: ServiceHere) -> LeaseOut | Response:
    """Get the next item."""
    found = service.queue.lease(caller.project.id, caller.user.id)
    return Response(status_code=204) if found is None else _lease(found)


@router.get("/projects/{project}/leases")
def held(caller: Annotator, service: ServiceHere) -> Page[LeaseOut]:
    """What the caller holds, the latest last."""
    return Page(items=[_lease(each) for each in service.queue.held(caller.project.id, caller.user.id)])


@router.post("/assignments/{assignment}/heartbeat")
def heartbeat(caller: Owner, service: ServiceHere, assignment: TaskId, body: Held) -> LeaseOut:
    """Hold an item for longer."""
    return _lease(service.queue.renew(assignment, caller.user.id, body.fence))


@router.put("/assignments/{assignment}/draft", status_code=204)
def save_draft(caller: Owner, service: ServiceHere, assignment: TaskId, body: Draft) -> None:
    """Keep what has been done so far."""
    service.queue.save_draft(assignment, caller.user.id, body.fence, body.body)


@router.post("/assignments/{assignment}/pass", status_code=204)
def pass_on(caller: Owner, service: ServiceHere, assignment: TaskId, body: Passed) -> None:
    """Give an item back unanswered: to somebody else (skip), or to a reviewer (flag)."""
    service.queue.pass_on(assignment, caller.user.id, body.fence, body.kind, body.reason)


@router.get("/assignments/{assignment}/prediction")
def prediction(caller: Owner, service: ServiceHere, assignment: TaskId) -> PredictionOut:
    """What the model says of an item that the caller holds."""
    found = service.queue.prediction(assignment, caller.user.id)
    return PredictionOut(label=dump_label(found.label), probs=found.probs)


@router.post("/assignments/{assignment}/submission", status_code=201)
def submit(
    caller: Owner, service: ServiceHere, assignment: TaskId, body: Submission, key: IdempotencyKey
) -> ReceiptOut:
    """Answer."""
    label = parse_label(body.label, caller.project, *service.queue.image_size(assignment))
    answer = Answered(label, body.reason, body.rationale, body.prediction_shown, body.seconds)
    receipt = service.queue.submit(assignment, caller.user.id, body.fence, key, answer)
    return ReceiptOut(
        submission=receipt.submission_id,
        assignment=receipt.assignment_id,
        task=receipt.task_id,
        created_at=receipt.created_at,
    )


def _lease(lease: Lease) -> LeaseOut:
    return LeaseOut(
        assignment=lease.assignment_id,
        task=lease.task_id,
        item=lease.item_id,
        project=lease.project_id,
        fence=lease.fence,
        expires_in=lease.expires_in,
        width=lease.width,
        height=lease.height,
        draft=lease.draft,
        prefill=dump_label(lease.prefill),
        prediction=lease.prediction,
    )
