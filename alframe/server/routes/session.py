"""Signing in and out: a short access token in the answer, a long refresh token in a cookie that no script can read."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Cookie, Depends, Request, Response
from pydantic import Field

from alframe.access.tokens import TokenPair
from alframe.errors import NotSignedIn
from alframe.server.bodies import JsonRoute
from alframe.server.permission import Anybody, ServiceHere
from alframe.server.service import Service
from alframe.server.wire import Answer, Body, UserOut

router = APIRouter(prefix="/session", route_class=JsonRoute, tags=["session"], dependencies=[Depends(Anybody())])

COOKIE = "alframe_refresh"
COOKIE_PATH = "/api/session"

Refresh = Annotated[str | None, Cookie(alias=COOKIE, max_length=1_000)]


class Credentials(Body):
    """Who wants in."""

    name: Annotated[str, Field(max_length=200)]
    password: Annotated[str, Field(max_length=1_000)]


class SessionOut(Answer):
    """An access token, good for ``expires_in`` seconds, and whose it is."""

    access_token: str
    expires_in: float
    user: UserOut


@router.post("")
def sign_in(body: Credentials, service: ServiceHere, request: Request, response: Response) -> SessionOut:
    """Sign in with name and password."""
    user = service.users.sign_in(body.name, body.password, address_of(request))
    pair = service.tokens.issue(user)
    return opened(service, pair, request, response)


@router.post("/refresh")
def refresh(service: ServiceHere, request: Request, response: Response, token: Refresh = None) -> SessionOut:
    """Go on with the session of the cookie; its refresh token is good for once."""
    if token is None:
        raise NotSignedIn("there is no session to go on with: sign in")
    return opened(service, service.tokens.refresh(token), request, response)


@router.delete("", status_code=204)
def sign_out(service: ServiceHere, response: Response, token: Refresh = None) -> None:
    """End the session of the cookie."""
    if token is not None:
        service.tokens.revoke(token)
    response.delete_cookie(COOKIE, path=COOKIE_PATH, httponly=True, samesite="strict")


def opened(service: Service, pair: TokenPair, request: Request, response: Response) -> SessionOut:
    """The answer to whoever has signed in, with the cookie."""
    keep_refresh(pair, request, response)
    user = UserOut.model_validate(service.tokens.user(pair.access))
    return SessionOut(access_token=pair.access, expires_in=pair.expires_in, user=user)


def address_of(request: Request) -> str:
    """Where a request comes from, as far as trusted proxies tell; empty where nothing does."""
    return request.client.host if request.client else ""


def keep_refresh(pair: TokenPair, request: Request, response: Response) -> None:
    """Put the refresh token into its cookie."""
    response.set_cookie(
        COOKIE,
        pair.refresh,
        path=COOKIE_PATH,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
