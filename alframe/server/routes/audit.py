"""The audit trail, for administrators."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from alframe.access.audit_trail import page, verify
from alframe.access.users import User
from alframe.server.bodies import JsonRoute
from alframe.server.permission import Admin, ServiceHere
from alframe.server.wire import After, Answer, Limit, Page, page_of
from alframe.storage.service.tables import AuditRow

router = APIRouter(prefix="/audit", route_class=JsonRoute, tags=["audit"])

Administrator = Annotated[User, Depends(Admin())]


class Entry(Answer):
    """One deed."""

    entry: int
    at: str
    actor: str
    action: str
    subject: str
    detail: Any
    sha256: str


class Verdict(Answer):
    """Whether the trail is what was written; ``head`` is to be noted elsewhere."""

    entries: int
    first_bad: int | None
    why: str
    head: str


@router.get("")
def list_entries(_: Administrator, service: ServiceHere, limit: Limit = 100, after: After = 0) -> Page[Entry]:
    """What was done, the earliest first."""
    rows = page(service.database, after=after, limit=limit + 1)
    return page_of([_entry(row) for row in rows], limit, key="entry")


@router.get("/verification")
def verification(
    _: Administrator,
    service: ServiceHere,
    head: Annotated[str | None, Query(max_length=100, pattern=r"^[0-9]{1,18}:[0-9a-f]{64}$")] = None,
) -> Verdict:
    """Whether the trail is what was written; with the ``head`` of an earlier verdict, whether it continues that one."""
    return Verdict.model_validate(verify(service.database, expected_head=head))


def _entry(row: AuditRow) -> Entry:
    return Entry.model_validate({name: getattr(row, name) for name in Entry.model_fields} | {"detail": _detail(row)})


def _detail(row: AuditRow) -> Any:
    """What else was written; as text where somebody has tampered with it."""
    try:
        return json.loads(row.detail)
    except (TypeError, ValueError):
        return str(row.detail)
