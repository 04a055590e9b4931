"""Who asks, and what they may do."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from alframe.access.users import User
from alframe.server.bodies import JsonRoute
from alframe.server.permission import ServiceHere, SignedIn, projects_of
from alframe.server.routes.session import SessionOut, address_of, opened
from alframe.server.wire import Body, ProjectSummary, UserOut

router = APIRouter(prefix="/me", route_class=JsonRoute, tags=["me"])

Whoever = Annotated[User, Depends(SignedIn(newcomers=True))]


class Me(UserOut):
    """Who asks, with their projects."""

    projects: list[ProjectSummary]


class NewPassword(Body):
    """Another password."""

    old: Annotated[str, Field(max_length=1_000)]
    new: Annotated[str, Field(max_length=1_000)]


@router.get("")
def me(user: Whoever, service: ServiceHere) -> Me:
    """Who asks, and what they are in which projects."""
    return Me(**UserOut.model_validate(user).model_dump(), projects=projects_of(user, service))


@router.put("/password")
def change_password(
    user: Whoever, service: ServiceHere, body: NewPassword, request: Request, response: Response
) -> SessionOut:
    """Change one's own password; every session ends, and this one begins anew."""
    changed = service.users.change_password(user.id, body.old, body.new, address_of(request))
    return opened(service, service.tokens.issue(changed), request, response)
