"""What people said, and what holds. Rows are only ever added."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from alframe.storage.service.tables.base import ServiceBase
from alframe.storage.tables import now


class SubmissionRow(ServiceBase):
    """One person's answer to one task: ``label`` is empty where they could not tell, and ``reason`` says why.

    ``key`` is the client's name for the request and ``body_sha256`` what it said, so that a request that is sent again
    is known; ``prediction_shown`` says whether the model's prediction was before their eyes.
    """

    __tablename__ = "submissions"
    __table_args__ = (UniqueConstraint("annotator_id", "key"), UniqueConstraint("task_id", "annotator_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), index=True)
    task_id: Mapped[int] = mapped_column(ForeignKey("tasks.id"))
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id"), index=True)
    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignments.id"), unique=True)
    annotator_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    key: Mapped[str]
    body_sha256: Mapped[str]
    label: Mapped[Any | None]
    reason: Mapped[str] = mapped_column(default="")
    rationale: Mapped[str] = mapped_column(default="")
    prediction_shown: Mapped[bool] = mapped_column(default=False)
    seconds: Mapped[float | None]
    created_at: Mapped[datetime] = mapped_column(default=now)


class SettlementRow(ServiceBase):
    """One version of an item's label; the latest holds.

    ``source`` is ``consensus``, ``review``, ``auto``, ``rule``, ``feedback`` or ``import``; ``label`` is empty where
    the item cannot be labelled, and ``reason`` says why.
    """

    __tablename__ = "settlements"
    __table_args__ = (UniqueConstraint("item_id", "version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), index=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id"))
    task_id: Mapped[int | None] = mapped_column(ForeignKey("tasks.id"), index=True)
    version: Mapped[int]
    label: Mapped[Any | None]
    reason: Mapped[str] = mapped_column(default="")
    source: Mapped[str]
    settled_by: Mapped[str]
    confidence: Mapped[float | None]
    agreement: Mapped[float | None]
    created_at: Mapped[datetime] = mapped_column(default=now)


class GoldRow(ServiceBase):
    """An item whose label is certain: it is mixed in among the others, once for each person."""

    __tablename__ = "gold"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), index=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id"), unique=True)
    label: Mapped[Any]
    note: Mapped[str] = mapped_column(default="")
    retired: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=now)


class FeedbackRow(ServiceBase):
    """What a production system reports of one image: the prediction, and the correction of whoever saw it."""

    __tablename__ = "feedback"
    __table_args__ = (UniqueConstraint("project_id", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id"), index=True)
    key: Mapped[str]
    body_sha256: Mapped[str]
    prediction: Mapped[Any | None]
    correction: Mapped[Any | None]
    signal: Mapped[str]
    reported_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)
