"""Who may do what, and who did."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from alframe.storage.service.tables.base import ServiceBase
from alframe.storage.tables import now


class UserRow(ServiceBase):
    """One person or machine; ``password`` is an argon2 hash, empty where they sign in elsewhere.

    ``identity`` is their name there. ``epoch`` counts what ends all their sessions: another password, being disabled.
    """

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    password: Mapped[str] = mapped_column(default="")
    admin: Mapped[bool] = mapped_column(default=False)
    active: Mapped[bool] = mapped_column(default=True)
    must_change: Mapped[bool] = mapped_column(default=False)
    identity: Mapped[str | None] = mapped_column(unique=True)
    epoch: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=now)


class AttemptRow(ServiceBase):
    """How often somebody at ``address`` has tried to sign in as ``name`` since then (the database's clock), in vain.

    ``*`` is every address together. From a ``known`` one somebody of that name has signed in.
    """

    __tablename__ = "attempts"

    name: Mapped[str] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[float]
    count: Mapped[int]
    known: Mapped[bool] = mapped_column(default=False)


class MembershipRow(ServiceBase):
    """What somebody is in a project: ``viewer``, ``annotator``, ``reviewer`` or ``manager``."""

    __tablename__ = "memberships"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    role: Mapped[str]


class RefreshTokenRow(ServiceBase):
    """A long token, of which only the hash is kept; one that is used twice takes its whole ``family`` with it."""

    __tablename__ = "refresh_tokens"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    sha256: Mapped[str] = mapped_column(unique=True)
    family: Mapped[str] = mapped_column(index=True)
    expires_at: Mapped[float]
    used_at: Mapped[float | None]
    revoked: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=now)


class ViewRow(ServiceBase):
    """Somebody was shown an image. Rows are only ever added."""

    __tablename__ = "views"

    id: Mapped[int] = mapped_column(primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id"), index=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(default=now)


class AuditRow(ServiceBase):
    """One deed; ``sha256`` covers the row and the hash before it. Rows are only ever added."""

    __tablename__ = "audit"

    entry: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[str]
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    detail: Mapped[str]
    previous: Mapped[str]
    sha256: Mapped[str] = mapped_column(unique=True)


class WebhookRow(ServiceBase):
    """Where somebody outside wants to hear of ``events``; bodies are signed with ``secret``."""

    __tablename__ = "webhooks"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), index=True)
    url: Mapped[str]
    secret: Mapped[str]
    events: Mapped[list[Any]]
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(default=now)


class DeliveryRow(ServiceBase):
    """One event for one webhook, until it has been taken or given up."""

    __tablename__ = "deliveries"

    id: Mapped[int] = mapped_column(primary_key=True)
    webhook_id: Mapped[int] = mapped_column(ForeignKey("webhooks.id"), index=True)
    event: Mapped[str]
    body: Mapped[dict[str, Any]]
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[float]
    delivered_at: Mapped[float | None]
    error: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=now)
