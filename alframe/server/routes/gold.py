"""Gold: items whose label is certain."""

from __future__ import annotations

from datetime import datetime
from operator import attrgetter
from typing import Annotated

from fastapi import APIRouter, Depends

from alframe.access.roles import Role
from alframe.errors import InvalidInput
from alframe.labelling import dump_label, parse_label
from alframe.server.bodies import JsonRoute
from alframe.server.permission import Caller, InProject, ServiceHere
from alframe.server.wire import After, Answer, Body, Id, LabelJson, Limit, Line, Page, RowId, page_of

router = APIRouter(prefix="/projects/{project}/gold", route_class=JsonRoute, tags=["gold"])

Manager = Annotated[Caller, Depends(InProject(Role.manager))]


class NewGold(Body):
    """An item, and the label that is certain."""

    item: RowId
    label: LabelJson
    note: Line = ""


class GoldOut(Answer):
    """An item whose label is certain."""

    item: int
    sample_id: str
    label: LabelJson
    note: str
    retired: bool
    created_at: datetime


@router.get("")
def list_gold(caller: Manager, service: ServiceHere, limit: Limit = 100, after: After = 0) -> Page[GoldOut]:
    """The project's gold items, retired ones too, by item."""
    found = [
        GoldOut(
            item=each.item_id,
            sample_id=each.sample_id,
            label=dump_label(each.label),
            note=each.note,
            retired=each.retired,
            created_at=each.created_at,
        )
        for each in service.gold.all(caller.project.id)
    ]
    return page_of(sorted(found, key=attrgetter("item")), limit, after, key="item")


@router.post("", status_code=204)
def add_gold(caller: Manager, service: ServiceHere, body: NewGold) -> None:
    """Mix an item in among the others from now on."""
    label = parse_label(body.label, caller.project, *service.items.size(caller.project.id, body.item))
    if label is None:
        raise InvalidInput("a gold item needs a label that is certain")
    service.gold.add(caller.project.id, body.item, label, by=caller.user.name, note=body.note)


@router.delete("/{item}", status_code=204)
def retire_gold(caller: Manager, service: ServiceHere, item: Id) -> None:
    """Ask nobody for it any more."""
    service.gold.retire(caller.project.id, item, by=caller.user.name)
