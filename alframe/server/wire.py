"""What goes over the wire, where several routes share it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from operator import attrgetter
from typing import Annotated, Any, Generic, Literal, TypeVar

from fastapi import Header, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from alframe.access.roles import Role
from alframe.labelling.settings import Kind
from alframe.storage.service.tables.work import LARGEST_ID

LARGEST = 2**31 - 1
"""The largest number that PostgreSQL's ids have."""


class Body(BaseModel):
    """What is sent: nothing is converted, and nothing else may be there."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Answer(BaseModel):
    """What is answered: made from records with the same names."""

    model_config = ConfigDict(from_attributes=True)


Row = TypeVar("Row")


class Page(Answer, Generic[Row]):
    """A part of a list; ``next`` is what the following part is asked for ``after``."""

    items: list[Row]
    next: int | None = None


Id = Annotated[int, Path(ge=1, le=LARGEST)]
"""A row's number in a path."""

TaskId = Annotated[int, Path(ge=1, le=LARGEST_ID)]
"""A task's, or an assignment's."""

RowId = Annotated[int, Field(ge=1, le=LARGEST)]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Line = Annotated[str, Field(max_length=1_000)]
Text = Annotated[str, Field(max_length=100_000)]

RoleName = Literal["viewer", "annotator", "reviewer", "manager"]
NAMES: Mapping[Role, RoleName] = {
    Role.viewer: "viewer",
    Role.annotator: "annotator",
    Role.reviewer: "reviewer",
    Role.manager: "manager",
}

Limit = Annotated[int, Query(ge=1, le=1_000)]
After = Annotated[int, Query(ge=0, le=LARGEST)]
AfterTask = Annotated[int, Query(ge=0, le=LARGEST_ID)]
IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[\x20-\x7e]+$",
        description="Names the request: sent again under the same key, it is answered as it was the first time.",
    ),
]

LABEL_SCHEMA: dict[str, Any] = {
    "description": "A class index; or objects, each with a box in pixels; null where it cannot be told.",
    "anyOf": [
        {"type": "integer", "minimum": 0},
        {
            "type": "object",
            "required": ["objects"],
            "properties": {"objects": {"type": "array", "items": {"type": "object"}}},
        },
        {"type": "null"},
    ],
}
LabelJson = Annotated[Any, Field(json_schema_extra=LABEL_SCHEMA)]


class UserOut(Answer):
    """Somebody."""

    id: int
    name: str
    admin: bool
    must_change: bool


class ProjectSummary(Answer):
    """A project, and what the caller is in it."""

    id: int
    name: str
    kind: Kind
    role: RoleName


def page_of(rows: Iterable[Row], limit: int, after: int = 0, key: str = "id") -> Page[Row]:
    """The first ``limit`` of rows whose ``key`` is above ``after``; one more says that there is a further page.

    Args:
        rows: in the order of their keys.
        limit: how many.
        after: where the page before ended.
        key: the attribute that pages go by.
    """
    place: Callable[[Row], int] = attrgetter(key)
    wanted = list(islice((row for row in rows if place(row) > after), limit + 1))
    return Page(items=wanted[:limit], next=place(wanted[limit - 1]) if len(wanted) > limit else None)
