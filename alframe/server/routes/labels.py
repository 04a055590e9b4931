"""Labels that hold: every version, for whoever trains on them.

Not for those who label: what others said of an item, and what gold is known to be, would be their answer.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends

from alframe.access.roles import Role
from alframe.labelling import Settlement, dump_label
from alframe.labelling.settling.settlements import page
from alframe.server.bodies import JsonRoute
from alframe.server.permission import Caller, InProject, ServiceHere
from alframe.server.wire import After, Answer, LabelJson, Limit, Page, page_of

router = APIRouter(prefix="/projects/{project}/labels", route_class=JsonRoute, tags=["labels"])


class SettlementOut(Answer):
    """One version of an item's label, and where it comes from."""

    id: int
    item: int
    sample_id: str
    task: int | None
    version: int
    label: LabelJson
    reason: str
    source: str
    settled_by: str
    confidence: float | None
    agreement: float | None
    created_at: datetime


@router.get("")
def list_labels(
    caller: Annotated[Caller, Depends(InProject(Role.reviewer))],
    service: ServiceHere,
    limit: Limit = 100,
    after: After = 0,
) -> Page[SettlementOut]:
    """Every version of every label, in the order they were settled."""
    found = page(service.database, caller.project.id, after=after, limit=limit + 1)
    return page_of([settlement_out(each) for each in found], limit)


def settlement_out(settlement: Settlement) -> SettlementOut:
    """A settlement as it goes over the wire."""
    return SettlementOut(
        id=settlement.id,
        item=settlement.item_id,
        sample_id=settlement.sample_id,
        task=settlement.task_id,
        version=settlement.version,
        label=dump_label(settlement.label),
        reason=settlement.reason,
        source=settlement.source,
        settled_by=settlement.settled_by,
        confidence=settlement.confidence,
        agreement=settlement.agreement,
        created_at=settlement.created_at,
    )
