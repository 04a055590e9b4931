"""Events on their way: each receiver in a thread of its own, so that one that is slow holds nobody else up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import ColumnElement, func, select

from alframe.errors import InvalidInput
from alframe.labelling.webhooks.outside import address_outside
from alframe.labelling.webhooks.signatures import SIGNATURE, signature
from alframe.storage.service import ServiceDatabase, database_now, record
from alframe.storage.service.tables import DeliveryRow, WebhookRow

if TYPE_CHECKING:
    import httpx

ATTEMPTS = 10
"""After so many a delivery is given up: with the pauses between them, after most of a day."""

PAUSE, LONGEST_PAUSE = 10.0, 6 * 3600.0
"""Seconds until the second attempt, and at most; each is four times the one before."""

DEADLINE = 10.0
"""Seconds that a receiver has from the first packet to the last header of its answer; the rest is not read."""

CLAIM = 300.0
"""Seconds for which a delivery is one sender's; if that one dies, another takes it up afterwards. Longer than it takes
to look a name up, then ``DEADLINE``, and to write down what came of it."""

ROUND = 10.0
"""Seconds after which a round sends nothing further."""

SENDERS = 16
"""Receivers that are told at the same time."""


def deliver(
    database: ServiceDatabase,
    *,
    limit: int = 100,
    rng: np.random.Generator,
    allow_private: bool = False,
    going: Callable[[], bool] = lambda: True,
    transport: httpx.AsyncBaseTransport | None = None,
) -> int:
    """Send what is due: POSTs of ``{id, event, project, at, data}`` with a signature, to each receiver one by one.

    What a receiver answers with 2xx is done. Anything else, also a redirect, which is not followed, is tried again
    after growing pauses of random length, so that receivers that come back are not met by all at once; 410 ends the
    webhook. A receiver that failed is told nothing further in this round. Several servers may send side by side. Each
    delivery arrives at least once, and twice where a sender dies between the answer and writing it down: the receiver
    knows the second by its ``id``.

    Args:
        database: the service's.
        limit: at most so many to each receiver.
        rng: of the pauses.
        allow_private: whether receivers may lie in private networks or on this machine.
        going: asked before each; once it says no, this ends within ``DEADLINE``.
        transport: what sends instead of the network.

    Returns:
        How many were taken.

    Source:
        Brooker, "Exponential backoff and jitter", AWS Architecture Blog, 2015.
    """
    until = monotonic() + ROUND

    def tell(webhook_id: int, jitter: np.random.Generator) -> int:
        taken = 0
        while taken < limit and going() and monotonic() < until:
            claimed = _claim(database, webhook_id)
            if claimed is None:
                break
            delivery, hook, at = claimed
            error, status = _send(delivery, hook, int(at), allow_private, transport)
            _note(database, delivery.id, error, status == 410, float(jitter.uniform(0.5, 1.0)))
            if error:
                break
            taken += 1
        return taken

    with database.read() as session:
        first = func.min(DeliveryRow.due_at)
        waiting = session.scalars(
            select(WebhookRow.id).join(DeliveryRow).where(*_due()).group_by(WebhookRow.id).order_by(first)
        ).all()
    with ThreadPoolExecutor(SENDERS, "alframe-webhook") as pool:
        return sum(pool.map(tell, waiting, rng.spawn(len(waiting))))


def _due() -> tuple[ColumnElement[bool], ...]:
    unsent = DeliveryRow.delivered_at.is_(None), DeliveryRow.attempts < ATTEMPTS
    return *unsent, WebhookRow.active.is_(True), DeliveryRow.due_at <= database_now()


def _claim(database: ServiceDatabase, webhook_id: int) -> tuple[DeliveryRow, WebhookRow, float] | None:
    due = (
        select(DeliveryRow, WebhookRow, database_now())
        .join(WebhookRow, WebhookRow.id == DeliveryRow.webhook_id)
        .where(*_due(), WebhookRow.id == webhook_id)
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
    delivery: DeliveryRow, hook: WebhookRow, at: int, allow_private: bool, transport: httpx.AsyncBaseTransport | None
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
        request = httpx.Request("POST", there, content=body, headers=headers, extensions={"sni_hostname": url.host})
        status = asyncio.run(_status(request, transport))
    except TimeoutError:
        return f"did not answer within {DEADLINE:.0f} seconds", None
    except (httpx.HTTPError, httpx.InvalidURL, InvalidInput, OSError) as error:
        return f"{type(error).__name__}: {error}", None
    return "" if 200 <= status < 300 else f"answered {status}", status


async def _status(request: httpx.Request, transport: httpx.AsyncBaseTransport | None) -> int:
    import httpx

    # A client's own timeout is one of single reads, and a receiver may send a byte now and then.
    async with (
        asyncio.timeout(DEADLINE),
        httpx.AsyncClient(timeout=DEADLINE, trust_env=False, transport=transport) as client,
    ):
        answer = await client.send(request, stream=True, follow_redirects=False)
        await answer.aclose()
        return answer.status_code


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
