"""Bodies of requests: how large they may be, and JSON that is refused before anything is made of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

DEPTH = 32
"""How many arrays and objects may stand in one another."""

# An unfinished string reaches to the end, so that each byte is looked at once whatever was sent.
_TOKENS = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
_NULL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


class BodyLimit:
    """ASGI middleware that counts a body's bytes as they come, and stops reading one that is too large.

    Args:
        app: what answers.
        most: bytes of a body.
        most_of_upload: bytes of one that is a form or a ZIP; those go to disk.
    """

    def __init__(self, app: ASGIApp, most: int, most_of_upload: int) -> None:
        self._app = app
        self._most, self._most_of_upload = most, most_of_upload

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        upload = media_type(headers) in ("multipart/form-data", "application/zip")
        most = self._most_of_upload if upload else self._most
        announced = headers.get("content-length", "")
        refused = announced.isdecimal() and int(announced) > most
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if refused or received > most:
                raise HTTPException(413, f"the body is larger than {most} bytes")
            return message

        await self._app(scope, counted, send)


def media_type(headers: Headers) -> str:
    """The type that ``Content-Type`` names, without its parameters."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def parse_json(body: bytes) -> Any:
    """What a body says, if it is JSON as RFC 8259 has it: UTF-8, and no ``NaN``.

    Beyond that, at most ``DEPTH`` levels, and no text that a database could not keep (U+0000, half a surrogate pair).

    Raises:
        HTTPException: it is not; 400.
    """
    try:
        text = body.decode("utf-8")
        _check_depth(text)
        value = json.loads(text, parse_constant=_refuse_constant)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except ValueError as error:
        raise HTTPException(400, f"the body is not JSON that can be read: {_reason(error)}") from error
    if _NULL.search(text):
        raise HTTPException(400, "the body has text with the character U+0000")
    return value


def _reason(error: ValueError) -> str:
    return "it is not UTF-8" if isinstance(error, UnicodeError) else str(error)


def _check_depth(text: str) -> None:
    depth = 0
    for token in _TOKENS.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        if depth > DEPTH:
            raise ValueError(f"more than {DEPTH} levels")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


class JsonRequest(Request):
    """A request whose JSON is checked."""

    async def json(self) -> Any:
        """What the body says."""
        return parse_json(await self.body())


class JsonRoute(APIRoute):
    """A route whose body, where it has one, is JSON and nothing else."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, behind the check."""
        handle = super().get_route_handler()
        takes_json = self.body_field is not None

        async def checked(request: Request) -> Response:
            if takes_json and media_type(request.headers) != "application/json" and _has_body(request):
                raise HTTPException(415, "this takes a body of application/json")
            return await handle(JsonRequest(request.scope, request.receive))

        return checked


def _has_body(request: Request) -> bool:
    return "transfer-encoding" in request.headers or request.headers.get("content-length", "0") != "0"
