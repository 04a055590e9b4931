"""The images of a project: which there are, what nobody may see, who has seen what, and what is wanted first."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from alframe.access.roles import Role
from alframe.labelling import views
from alframe.server.bodies import JsonRoute
from alframe.server.permission import Caller, InProject, ServiceHere
from alframe.server.wire import After, Answer, Body, Id, Limit, Line, Page, RowId, page_of

router = APIRouter(prefix="/projects/{project}", route_class=JsonRoute, tags=["items"])

Manager = Annotated[Caller, Depends(InProject(Role.manager))]
SampleId = Annotated[str, Field(min_length=1, max_length=1_000, pattern=r"^[^\x00]+$")]
State = Literal["new", "open", "complete", "review", "settled", "withdrawn", "held"]


class ItemOut(Answer):
    """An image of a project."""

    id: int
    sample_id: str
    width: int
    height: int
    group: str
    held: str
    state: State


class Masks(Body):
    """Boxes (x0, y0, x1, y1), in pixels, that are covered before anybody sees an image."""

    boxes: Annotated[list[Annotated[list[float], Field(min_length=4, max_length=4)]], Field(max_length=1_000)]


class ViewOut(Answer):
    """Somebody was shown an image."""

    id: int
    user: str
    item: int
    sample_id: str
    at: datetime


class Wanted(Body):
    """What is wanted first."""

    items: Annotated[list[RowId], Field(min_length=1, max_length=10_000)]


class Moved(Answer):
    """How many tasks come first now."""

    tasks: int


class Hold(Body):
    """Samples that nobody may see, and why."""

    samples: Annotated[list[SampleId], Field(min_length=1, max_length=10_000)]
    reason: Annotated[Line, Field(min_length=1)]


@router.get("/items")
def list_items(
    caller: Manager, service: ServiceHere, state: State | None = None, limit: Limit = 100, after: After = 0
) -> Page[ItemOut]:
    """The project's images, all or those in one state."""
    found = service.items.page(caller.project.id, after=after, limit=limit + 1, state=state)
    return page_of([ItemOut.model_validate(each) for each in found], limit)


@router.put("/items/{item}/masks", status_code=204)
def mask(caller: Manager, service: ServiceHere, item: Id, body: Masks) -> None:
    """Cover these parts of an image, instead of those before."""
    service.items.mask(caller.project.id, item, body.boxes, by=caller.user.name)


@router.get("/views")
def list_views(caller: Manager, service: ServiceHere, limit: Limit = 100, after: After = 0) -> Page[ViewOut]:
    """Who was shown which image, the earliest first."""
    found = views.page(service.database, caller.project.id, after=after, limit=limit + 1)
    return page_of([ViewOut.model_validate(each) for each in found], limit)


@router.post("/express")
def express(caller: Manager, service: ServiceHere, body: Wanted) -> Moved:
    """Put what is asked of these images before everything else."""
    return Moved(tasks=service.queue.express(caller.project.id, body.items, by=caller.user.name))


@router.post("/holds", status_code=204)
def hold(caller: Manager, service: ServiceHere, body: Hold) -> None:
    """Keep samples from everybody: no consent, a legal hold."""
    service.items.hold(caller.project.id, body.samples, body.reason, by=caller.user.name)


@router.delete("/holds", status_code=204)
def release(
    caller: Manager,
    service: ServiceHere,
    sample: Annotated[list[SampleId], Query(min_length=1, max_length=1_000)],
) -> None:
    """End the holds of samples."""
    service.items.release(caller.project.id, sample, by=caller.user.name)
