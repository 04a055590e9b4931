"""Feedback: what production systems report of images that they met.

A correction becomes a label that holds without anybody's review, so that a system which reports has an account of a
manager.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request
from starlette.datastructures import FormData, UploadFile

from alframe.access.roles import Role
from alframe.errors import InvalidInput
from alframe.labelling import parse_label
from alframe.labelling.signals.feedback import Signal, report
from alframe.server.bodies import JsonRoute, media_type, parse_json
from alframe.server.permission import Caller, InProject, ServiceHere
from alframe.server.wire import LABEL_SCHEMA, Answer, IdempotencyKey

router = APIRouter(prefix="/projects/{project}/feedback", route_class=JsonRoute, tags=["feedback"])

FORM = "multipart/form-data"
FIELDS = {"image", "prediction", "correction", "signal"}
LONGEST = 1 << 20
"""Bytes of a field that is no file."""

SIGNALS: dict[str, Signal] = {"feedback": "feedback", "rule": "rule"}

Manager = Annotated[Caller, Depends(InProject(Role.manager))]


@dataclass(frozen=True)
class Form:
    """What was sent: an image, and what was said of it."""

    image: UploadFile
    prediction: Any
    correction: Any
    signal: Signal


class ReportedOut(Answer):
    """A report that has been kept; ``version`` is that of the label that its correction became."""

    feedback: int
    item: int
    sample_id: str
    version: int | None
    created_at: datetime


async def form(_: Manager, request: Request) -> AsyncIterator[Form]:
    """The form in the body; not a byte of it is read for those who may not report."""
    if media_type(request.headers) != FORM:
        raise HTTPException(415, f"this takes a body of {FORM}")
    async with request.form(max_files=1, max_fields=len(FIELDS), max_part_size=LONGEST) as fields:
        yield _checked(fields)


@router.post(
    "",
    status_code=201,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                FORM: {
                    "schema": {
                        "type": "object",
                        "required": ["image"],
                        "additionalProperties": False,
                        "properties": {
                            "image": {"type": "string", "format": "binary"},
                            "prediction": LABEL_SCHEMA,
                            "correction": LABEL_SCHEMA,
                            "signal": {"type": "string", "enum": list(SIGNALS)},
                        },
                    }
                }
            },
        }
    },
)
def give_feedback(
    caller: Manager, service: ServiceHere, sent: Annotated[Form, Depends(form)], key: IdempotencyKey
) -> ReportedOut:
    """Report an image, what the model said of it, and what it should have said; both as JSON."""
    data = sent.image.file.read()
    size = service.images.measure(data)
    prediction, correction = (parse_label(said, caller.project, *size) for said in (sent.prediction, sent.correction))
    found = report(
        service.database,
        caller.project.id,
        service.images.put_bytes(data),
        key=key,
        prediction=prediction,
        correction=correction,
        signal=sent.signal,
        by=caller.user.name,
    )
    return ReportedOut(
        feedback=found.feedback_id,
        item=found.item_id,
        sample_id=found.sample_id,
        version=found.version,
        created_at=found.created_at,
    )


def _checked(fields: FormData) -> Form:
    image, signal = fields.get("image"), fields.get("signal", "feedback")
    if not set(fields) <= FIELDS or len(fields.multi_items()) > len(fields):
        raise InvalidInput(f"a report has the fields {', '.join(sorted(FIELDS))}, each once; got {sorted(fields)}")
    if not isinstance(image, UploadFile) or signal not in SIGNALS:
        raise InvalidInput(f"a report has an image, as a file, and a signal: {' or '.join(SIGNALS)}")
    return Form(image, _said(fields, "prediction"), _said(fields, "correction"), SIGNALS[str(signal)])


def _said(fields: FormData, name: str) -> Any:
    said = fields.get(name, "null")
    if isinstance(said, UploadFile):
        raise InvalidInput(f"{name} is JSON, and no file")
    return parse_json(said.encode(errors="surrogatepass"))
