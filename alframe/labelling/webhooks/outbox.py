"""Tell systems outside what happened: events lie in the database until each webhook has taken them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from sqlalchemy import select
from sqlalchemy.orm import Session

from alframe.errors import InvalidInput, NotFound
from alframe.labelling.webhooks.outside import check_url
from alframe.storage.service import ServiceDatabase, database_now, record
from alframe.storage.service.tables import DeliveryRow, WebhookRow
from alframe.storage.tables import now
from alframe.types import Event


@dataclass(frozen=True)
class Webhook:
    """Where somebody outside hears of events.

    Attributes:
        id: its number.
        project_id: the project whose events they are.
        url: where they are posted to.
        events: which.
    """

    id: int
    project_id: int
    url: str
    events: tuple[str, ...]


class Webhooks:
    """The webhooks of all projects."""

    def __init__(self, database: ServiceDatabase) -> None:
        self._database = database

    def add(self, project_id: int, url: str, events: Sequence[Event], *, by: str) -> tuple[Webhook, str]:
        """A new webhook, and the secret that its bodies are signed with: nobody is shown it again.

        Raises:
            InvalidInput: no URL to post to, no event, one that does not exist.
        """
        check_url(url)
        if not events or not set(events) <= set(get_args(Event)):
            raise InvalidInput(
                f"a webhook hears of {', '.join(get_args(Event))}; got {', '.join(events) or 'no event'}"
            )
        secret = secrets.token_urlsafe(32)
        row = WebhookRow(project_id=project_id, url=url, secret=secret, events=sorted(set(events)))
        with self._database.write() as session:
            session.add(row)
            session.flush()
            record(session, by, "webhook.add", f"webhook/{row.id}", {"url": url, "events": row.events})
        return _webhook(row), secret

    def all(self, project_id: int) -> list[Webhook]:
        """Those of a project that still hear of something."""
        wanted = select(WebhookRow).where(WebhookRow.project_id == project_id, WebhookRow.active)
        with self._database.read() as session:
            return [_webhook(row) for row in session.scalars(wanted.order_by(WebhookRow.id))]

    def remove(self, project_id: int, webhook_id: int, *, by: str) -> None:
        """Send it nothing more, not even what is waiting.

        Raises:
            NotFound: the project has no such webhook.
        """
        with self._database.write() as session:
            row = session.get(WebhookRow, webhook_id)
            if row is None or row.project_id != project_id or not row.active:
                raise NotFound(f"project {project_id} has no webhook {webhook_id}")
            row.active = False
            record(session, by, "webhook.remove", f"webhook/{webhook_id}")


def _webhook(row: WebhookRow) -> Webhook:
    return Webhook(row.id, row.project_id, row.url, tuple(row.events))


def announce(session: Session, project_id: int, event: Event, data: Mapping[str, Any]) -> int:
    """Leave an event for every webhook that wants it, in the caller's transaction: it is told if that holds.

    Returns:
        How many webhooks will hear of it.
    """
    hooks = session.scalars(select(WebhookRow).where(WebhookRow.project_id == project_id, WebhookRow.active))
    body = {"event": event, "project": project_id, "at": now().isoformat(), "data": dict(data)}
    wanted = [hook for hook in hooks if event in hook.events]
    session.add_all(DeliveryRow(webhook_id=hook.id, event=event, body=body, due_at=database_now()) for hook in wanted)
    return len(wanted)
