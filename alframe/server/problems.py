"""Errors as clients see them: problem details, RFC 9457."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from alframe.errors import (
    AlframeError,
    ConfigurationError,
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    NotSignedIn,
    TooMany,
    Unavailable,
    UnreadableImage,
)
from alframe.storage.service.reachable import reachable

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
STATUS: Mapping[type[AlframeError], int] = {
    ConfigurationError: 422,
    Conflict: 409,
    Forbidden: 403,
    InvalidInput: 422,
    NotFound: 404,
    NotSignedIn: 401,
    TooMany: 429,
    Unavailable: 503,
    UnreadableImage: 422,
}
RETRY = {"Retry-After": "10"}
HEADERS: Mapping[int, Mapping[str, str]] = {401: {"WWW-Authenticate": "Bearer"}, 429: RETRY, 503: RETRY}
MENTIONED = 20
"""Of what is wrong with a request, so many things are listed."""

SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["where", "what"],
                "properties": {"where": {"type": "string"}, "what": {"type": "string"}},
            },
        },
    },
}


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What the OpenAPI document says of responses with these statuses."""
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": SCHEMA}}}
        for status in statuses
    }


def problem(
    status: int, detail: str, headers: Mapping[str, str] | None = None, errors: list[dict[str, str]] | None = None
) -> JSONResponse:
    """A response that says what went wrong."""
    body: dict[str, Any] = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    body["detail"] = detail
    if errors:
        body["errors"] = errors
    return JSONResponse(body, status, {**HEADERS.get(status, {}), **(headers or {})}, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Answer every error of ``app`` with a problem."""
    app.exception_handler(AlframeError)(_own)
    app.exception_handler(HTTPException)(_of_http)
    app.exception_handler(RequestValidationError)(_invalid)
    for kind in (DBAPIError, PoolTimeout, ConnectionError):
        app.exception_handler(kind)(_of_database)
    app.exception_handler(Exception)(_unforeseen)


def _own(request: Request, error: Exception) -> JSONResponse:
    status = next((status for kind, status in STATUS.items() if isinstance(error, kind)), None)
    return _unforeseen(request, error) if status is None else problem(status, str(error))


def _of_http(_: Request, error: HTTPException) -> JSONResponse:
    return problem(error.status_code, error.detail, error.headers)


def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
    """What was sent is not repeated: it may be large, secret, or no JSON."""
    errors = [{"where": "/".join(map(str, each["loc"])), "what": each["msg"]} for each in error.errors()[:MENTIONED]]
    return problem(422, f"{errors[0]['where']}: {errors[0]['what']}", errors=errors)


def _of_database(request: Request, error: Exception) -> JSONResponse:
    try:
        with reachable():
            raise error
    except Unavailable as away:
        return _own(request, away)
    except DBAPIError:
        return _unforeseen(request, error)


def _unforeseen(request: Request, error: Exception) -> JSONResponse:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem(500, "the service failed; its log says why")
