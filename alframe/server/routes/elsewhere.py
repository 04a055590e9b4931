"""Signing in with an organisation's account: off to its provider, and back with a code."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Cookie, Depends, Query, Request
from fastapi.responses import RedirectResponse

from alframe.access.oidc import PATIENCE, SignInElsewhere
from alframe.errors import NotFound, NotSignedIn
from alframe.server.bodies import JsonRoute
from alframe.server.permission import Anybody, ServiceHere
from alframe.server.routes.session import keep_refresh
from alframe.server.service import Service

router = APIRouter(
    prefix="/session/elsewhere",
    route_class=JsonRoute,
    tags=["session"],
    dependencies=[Depends(Anybody())],
    default_response_class=RedirectResponse,
)

COOKIE = "alframe_elsewhere"
COOKIE_PATH = "/api/session/elsewhere"

Word = Annotated[str, Query(min_length=1, max_length=4_000)]


@router.get("", status_code=303)
def begin(service: ServiceHere, request: Request) -> RedirectResponse:
    """Off to the provider."""
    begun = _elsewhere(service).begin()
    response = RedirectResponse(begun.url, 303)
    # Lax, because the provider's page sends the browser back.
    response.set_cookie(
        COOKIE,
        begun.sealed,
        max_age=int(PATIENCE),
        path=COOKIE_PATH,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )
    return response


@router.get("/back", status_code=303)
def finish(
    service: ServiceHere,
    request: Request,
    state: Word,
    code: Word,
    sealed: Annotated[str | None, Cookie(alias=COOKIE, max_length=4_000)] = None,
) -> RedirectResponse:
    """Back with a code; the page then goes on with the session that has begun."""
    elsewhere = _elsewhere(service)
    if sealed is None:
        raise NotSignedIn("this did not begin in this browser: sign in again")
    pair = service.tokens.issue(elsewhere.finish(sealed, state, code))
    response = RedirectResponse("/", 303)
    response.delete_cookie(COOKIE, path=COOKIE_PATH)
    keep_refresh(pair, request, response)
    return response


def _elsewhere(service: Service) -> SignInElsewhere:
    if service.elsewhere is None:
        raise NotFound("people sign in here with a name and a password")
    return service.elsewhere
