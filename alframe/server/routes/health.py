"""Whether the service runs."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends

from alframe import __version__
from alframe.server.bodies import JsonRoute
from alframe.server.permission import Anybody, ServiceHere
from alframe.server.wire import Answer

router = APIRouter(route_class=JsonRoute, tags=["health"])


class Health(Answer):
    """That it runs, which version, and whether one signs in ``elsewhere`` too: /api/session/elsewhere."""

    status: Literal["ok"] = "ok"
    version: str = __version__
    elsewhere: bool = False


@router.get("/health")
def health(_: Annotated[None, Depends(Anybody())], service: ServiceHere) -> Health:
    """Whether the service runs, and its database answers."""
    with service.database.read() as session:
        session.connection()
    return Health(elsewhere=service.elsewhere is not None)
