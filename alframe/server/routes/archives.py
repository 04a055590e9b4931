"""Archives: labels taken out of a project, images and labels brought in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from tempfile import TemporaryFile
from typing import Annotated, BinaryIO, Literal

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import StreamingResponse

from alframe.access.roles import Role
from alframe.labelling.exchange.exporting import export
from alframe.labelling.exchange.importing import import_zip
from alframe.server.bodies import JsonRoute, media_type
from alframe.server.permission import Caller, InProject, ServiceHere
from alframe.server.wire import Answer

router = APIRouter(prefix="/projects/{project}", route_class=JsonRoute, tags=["archives"])

ZIP = "application/zip"
CHUNK = 1 << 16

Manager = Annotated[Caller, Depends(InProject(Role.manager))]


class ImportedOut(Answer):
    """What became of an archive; ``refused`` names what was left out, each with the reason."""

    items: int
    labels: int
    refused: list[str]


async def archive(_: Manager, request: Request) -> AsyncIterator[BinaryIO]:
    """The ZIP in the body, on disk; not a byte of it is read for those who may not bring it."""
    if media_type(request.headers) != ZIP:
        raise HTTPException(415, f"this takes a body of {ZIP}")
    with TemporaryFile() as file:
        async for chunk in request.stream():
            file.write(chunk)
        file.seek(0)
        yield file


@router.get(
    "/export",
    response_class=StreamingResponse,
    responses={200: {"content": {ZIP: {"schema": {"type": "string", "format": "binary"}}}, "description": "A ZIP"}},
)
def export_labels(
    caller: Manager,
    service: ServiceHere,
    format: Literal["csv", "coco"] = "csv",  # noqa: A002 (what a format is called)
    images: bool = False,
) -> StreamingResponse:
    """The labels that hold, as a table or as COCO; with the images where wanted."""
    file = TemporaryFile()  # noqa: SIM115 (closed when the last chunk is sent)
    try:
        store = service.images if images else None
        export(service.database, store, caller.project.id, file, by=caller.user.name, format=format)
    except BaseException:
        file.close()
        raise
    headers = {"Content-Length": str(file.tell()), "Content-Disposition": 'attachment; filename="labels.zip"'}
    return StreamingResponse(_chunks(file), media_type=ZIP, headers=headers)


@router.post(
    "/import",
    openapi_extra={
        "requestBody": {"required": True, "content": {ZIP: {"schema": {"type": "string", "format": "binary"}}}}
    },
)
def import_archive(caller: Manager, service: ServiceHere, file: Annotated[BinaryIO, Depends(archive)]) -> ImportedOut:
    """Bring images into the project, and labels with them if ``labels.csv`` names some."""
    found = import_zip(service.database, service.images, caller.project.id, file, by=caller.user.name)
    return ImportedOut(items=found.items, labels=found.labels, refused=list(found.refused))


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while chunk := file.read(CHUNK):
            yield chunk
