"""Tell systems outside what happened: events lie in the database until each webhook has taken them."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from alframe.errors import InvalidInput, NotFound
from alframe.labelling.webhooks.outside import address_outside, check_url
from alframe.storage.service import ServiceDatabase, database_now, record
from alframe.storage.service.tables import DeliveryRow, WebhookRow
from alframe.storage.tables import now
from alframe.types import Event

if TYPE_CHECKING:
    import httpx

SIGNATURE = "X-Alframe-Signature"
"""The header that says when a body was sent, and proves who sent it."""

ATTEMPTS = 10
"""After so many a delivery is given up: with the pauses between them, after most of a day."""

PAUSE, LONGEST_PAUSE = 10.0, 6 * 3600.0
"""Seconds until the second attempt, and at most; each is four times the one before."""

CLAIM = 60.0
"""Seconds for which a delivery is one sender's; if that one dies, another takes it up afterwards."""

TIMEOUT = 10.0
"""Seconds that a receiver may take to be reached, and then to answer."""


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


def deliver(
    database: ServiceDatabase,
    client: httpx.Client,
    *,
    limit: int = 100,
    rng: np.random.Generator,
    allow_private: bool = False,
) -> int:
    """Send what is due, one after the other: a POST of ``{id, event, project, at, data}`` with a signature.

    What a receiver answers with 2xx is done. Anything else, also a redirect, which is not followed, is tried again
    after growing pauses of random length, so that receivers that come back are not met by all at once; 410 ends the
    webhook. Several servers may send side by side. Each delivery arrives at least once, and twice where a sender
    dies between the answer and writing it down: the receiver knows the second by its ``id``.

    Args:
        database: the service's.
        client: what sends; without a proxy, which would look names up by itself.
        limit: at most so many.
        rng: of the pauses.
        allow_private: whether receivers may lie in private networks or on this machine.

    Returns:
        How many were taken.

    Source:
        Brooker, "Exponential backoff and jitter", AWS Architecture Blog, 2015.
    """
    taken = 0
    for _ in range(limit):
        claimed = _claim(database)
        if claimed is None:
            break
        delivery, hook, at = claimed
        error, status = _send(client, delivery, hook, int(at), allow_private)
        _note(database, delivery.id, error, status == 410, float(rng.uniform(0.5, 1.0)))
        taken += not error
    return taken


def _claim(database: ServiceDatabase) -> tuple[DeliveryRow, WebhookRow, float] | None:
    due = (
        select(DeliveryRow, WebhookRow, database_now())
        .join(WebhookRow, WebhookRow.id == DeliveryRow.webhook_id)
        .where(DeliveryRow.delivered_at.is_(None), DeliveryRow.attempts < ATTEMPTS, WebhookRow.active)
        .where(DeliveryRow.due_at <= database_now())
        .order_by(DeliveryRow.due_at, DeliveryRow.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=DeliveryRow)
    )
    with database.write() as session:
        found = session.execute(due).first()
        if found is None:
            return None
        delivery, hook, at = found
        delivery.due_at = at + CLAIM
        return delivery, hook, at


def _send(
    client: httpx.Client, delivery: DeliveryRow, hook: WebhookRow, at: int, allow_private: bool
) -> tuple[str, int | None]:
    """What went wrong, empty if nothing did, and the answer's status."""
    import httpx  # an extra

    body = json.dumps({"id": delivery.id} | delivery.body, ensure_ascii=False, separators=(",", ":")).encode()
    headers = {"Content-Type": "application/json", SIGNATURE: signature(hook.secret, body, at)}
    try:
        url = httpx.URL(hook.url)
        # The address that was looked at is the one that is called: a name may point elsewhere a moment later.
        there = url.copy_with(host=address_outside(url.host, allow_private=allow_private))
        headers["Host"] = url.netloc.decode("ascii")
        with client.stream(
            "POST",
            there,
            content=body,
            headers=headers,
            timeout=TIMEOUT,
            follow_redirects=False,
            extensions={"sni_hostname": url.host},
        ) as answer:
            return "" if answer.is_success else f"answered {answer.status_code}", answer.status_code
    except (httpx.HTTPError, httpx.InvalidURL, InvalidInput, OSError) as error:
        return f"{type(error).__name__}: {error}", None


def _note(database: ServiceDatabase, delivery_id: int, error: str, gone: bool, jitter: float) -> None:
    with database.write() as session:
        row = session.get_one(DeliveryRow, delivery_id, with_for_update=True)
        row.attempts += 1
        row.error = error
        if not error:
            row.delivered_at = database_now()
        else:
            row.due_at = database_now() + jitter * min(PAUSE * 4 ** (row.attempts - 1), LONGEST_PAUSE)
        if gone:
            session.get_one(WebhookRow, row.webhook_id).active = False
            record(session, "system", "webhook.remove", f"webhook/{row.webhook_id}", {"why": error})


def signature(secret: str, body: bytes, at: int) -> str:
    """The signature of a body that is sent ``at`` seconds since 1970: ``t=SECONDS,v1=HEX``.

    >>> signature("secret", b"{}", 1)
    't=1,v1=1122767b193110cfec322b6f199b599edbf608ed087f2d27afb0b97d99523908'
    """
    return f"t={at},v1={hmac.new(secret.encode(), b'%d.' % at + body, hashlib.sha256).hexdigest()}"


def verify_signature(secret: str, header: str, body: bytes, *, at: float, tolerance: float = 300.0) -> bool:
    """Whether a body is from the service and was sent within ``tolerance`` seconds of now: for receivers.

    Args:
        secret: the webhook's.
        header: ``X-Alframe-Signature``.
        body: as it came, byte for byte.
        at: now, in seconds since 1970.
        tolerance: older ones may be somebody's recording.

    Examples:
        >>> verify_signature("secret", signature("secret", b"{}", 1000), b"{}", at=1010.0)
        True
    """
    stamp = header.removeprefix("t=").partition(",")[0]
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 16) or abs(at - int(stamp)) > tolerance:
        return False
    return hmac.compare_digest(header.encode(), signature(secret, body, int(stamp)).encode())
