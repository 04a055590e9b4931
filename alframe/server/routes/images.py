"""Images, for those who label and review them; every view is written down."""

from __future__ import annotations

from itertools import chain
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Response

from alframe.access.roles import Role
from alframe.errors import Forbidden, NotFound
from alframe.server.bodies import JsonRoute
from alframe.server.permission import Caller, OfItem, ServiceHere
from alframe.server.service import Service
from alframe.server.wire import Id
from alframe.storage.service.tables import ItemRow

router = APIRouter(prefix="/items", route_class=JsonRoute, tags=["images"])

CACHED = "private, max-age=0, must-revalidate"
"""Nobody but the caller keeps an image, and they ask each time, so that each view is known."""


@router.get(
    "/{item}/image",
    response_class=Response,
    responses={
        200: {"content": {"image/png": {}, "image/jpeg": {}}, "description": "The image, masked as the project says"},
        304: {"description": "What the caller has is the image still"},
    },
)
def image(
    caller: Annotated[Caller, Depends(OfItem(Role.annotator))],
    service: ServiceHere,
    item: Id,
    if_none_match: Annotated[str | None, Header(max_length=1_000)] = None,
) -> Response:
    """The image of an item that the caller holds, or that is an example; reviewers see all."""
    if caller.role < Role.reviewer and not _is_theirs(caller, service, item):
        raise Forbidden("you do not hold this item: lease it first")
    row = _row(service, item)
    if row.held:
        raise NotFound(f"item {item} is held: nobody is shown it")
    privacy = caller.project.settings.privacy
    service.items.view(item, caller.user.id)
    etag = f'"{service.images.etag(row, privacy)}"'
    headers = {"ETag": etag, "Cache-Control": CACHED}
    if if_none_match is not None and etag in {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}:
        return Response(status_code=304, headers=headers)
    shown = service.images.shown(row, privacy)
    return Response(shown.data, media_type=shown.media_type, headers=headers)


def _is_theirs(caller: Caller, service: Service, item: int) -> bool:
    examples = caller.project.settings.examples.values()
    return item in chain.from_iterable(examples) or service.queue.holds(item, caller.user.id)


def _row(service: Service, item: int) -> ItemRow:
    with service.database.read() as session:
        return session.get_one(ItemRow, item)
