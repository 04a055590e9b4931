"""Webhooks: who outside hears of what happens in a project."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from alframe.access.roles import Role
from alframe.labelling.webhooks.outbox import Webhooks
from alframe.server.bodies import JsonRoute
from alframe.server.permission import Caller, InProject, ServiceHere
from alframe.server.wire import After, Answer, Body, Id, Limit, Page, page_of
from alframe.types import Event

router = APIRouter(prefix="/projects/{project}/webhooks", route_class=JsonRoute, tags=["webhooks"])

Manager = Annotated[Caller, Depends(InProject(Role.manager))]


class NewWebhook(Body):
    """Where to tell of which events."""

    url: Annotated[str, Field(min_length=1, max_length=2_000)]
    events: Annotated[list[Event], Field(min_length=1)]


class WebhookOut(Answer):
    """A webhook, without its secret."""

    id: int
    url: str
    events: list[str]


class NewWebhookOut(WebhookOut):
    """A webhook, and the secret that signs what it is told; it is shown this once."""

    secret: str


@router.get("")
def list_webhooks(caller: Manager, service: ServiceHere, limit: Limit = 100, after: After = 0) -> Page[WebhookOut]:
    """The project's webhooks."""
    found = Webhooks(service.database).all(caller.project.id)
    return page_of([WebhookOut.model_validate(each) for each in found], limit, after)


@router.post("", status_code=201)
def create_webhook(caller: Manager, service: ServiceHere, body: NewWebhook) -> NewWebhookOut:
    """Tell somebody outside of events; the secret is shown this once."""
    webhook, secret = Webhooks(service.database).add(caller.project.id, body.url, body.events, by=caller.user.name)
    return NewWebhookOut(id=webhook.id, url=webhook.url, events=list(webhook.events), secret=secret)


@router.delete("/{webhook}", status_code=204)
def remove_webhook(caller: Manager, service: ServiceHere, webhook: Id) -> None:
    """Tell them nothing more."""
    Webhooks(service.database).remove(caller.project.id, webhook, by=caller.user.name)
