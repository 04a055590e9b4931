"""Bodies: JSON as the standard has it and no deeper than is good, and nothing larger than is taken."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from anyio import run
from fastapi import HTTPException
from hypothesis import given
from hypothesis import strategies as st
from served import Served, problem

from alframe.server.bodies import DEPTH, BodyLimit, parse_json

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
LEAVES = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | TEXT
)
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=20)


@given(JSON, st.booleans(), st.sampled_from([None, 1]))
def test_what_others_write_is_read_as_they_mean_it(value: Any, escaped: bool, indent: int | None) -> None:
    assert parse_json(json.dumps(value, ensure_ascii=escaped, indent=indent).encode()) == value


@given(st.binary())
def test_bytes_are_json_or_are_refused(body: bytes) -> None:
    """Nothing but a refusal ever comes out: what Python's own parser reads beyond JSON is refused too."""
    with suppress(HTTPException):
        assert parse_json(body) == json.loads(body.decode())


@given(st.integers(1, 200), st.sampled_from(["[", '{"a":', '[{"]":', '["\\"[",']), st.booleans())
def test_depth_is_what_brackets_outside_of_text_make_it(levels: int, opening: str, closed: bool) -> None:
    closing = {"[": "]", "{": "}"}
    opened = [sign for sign in opening.replace('"]"', "").replace('"\\"["', "") if sign in closing] * levels
    body = opening * levels + "0" + ("".join(closing[sign] for sign in reversed(opened)) if closed else "")
    if closed and len(opened) <= DEPTH:
        assert parse_json(body.encode()) == json.loads(body)
    else:
        with pytest.raises(HTTPException):
            parse_json(body.encode())


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": NaN}',
        b"[Infinity, -Infinity]",
        b'"\\ud800"',
        b'{"name": "a\\u0000b"}',
        b'"\xff"',
        '{"a": 1}'.encode("utf-16"),
        b"\xef\xbb\xbf[]",
        b"[1,]",
        b"",
        b"1" * 5_000,
        b"[" * 500_000,
        b'"' * 500_001,
        b'"\\"' + b'\\"' * 300_000,
    ],
    ids=lambda body: repr(body[:16]),
)
def test_what_is_no_json_is_refused_at_once(body: bytes) -> None:
    with pytest.raises(HTTPException) as refused:
        parse_json(body)
    assert refused.value.status_code == 400


def test_an_escaped_backslash_before_u0000_is_text() -> None:
    assert parse_json(rb'"a\\u0000"') == "a\\u0000"


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize(("kind", "most"), [("application/json", 1000), ("application/zip", 5000)])
def test_a_large_body_is_not_read_to_its_end(kind: str, most: int, announced: bool) -> None:
    """A client that sends without end: reading stops at the limit, whether or not it said how much would come."""
    taken = 0

    async def app(_: Any, receive: Any, __: Any) -> None:
        nonlocal taken
        while True:
            taken += len((await receive())["body"])

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"x" * 100, "more_body": True}

    headers = [(b"content-type", kind.encode()), *([(b"content-length", b"1000000")] if announced else [])]

    async def send(_: Any) -> None: ...

    async def ask() -> None:
        await BodyLimit(app, 1000, 5000)({"type": "http", "headers": headers}, receive, send)

    with pytest.raises(HTTPException) as refused:
        run(ask)
    assert refused.value.status_code == 413
    assert taken == (0 if announced else most)


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "multipart/form-data; boundary=x", ""])
def test_a_body_of_another_type_is_unsupported(looked_at: Served, kind: str) -> None:
    response = looked_at.client().post("/api/session", content=b'{"name": "a"}', headers={"Content-Type": kind})
    problem(response, 415)
