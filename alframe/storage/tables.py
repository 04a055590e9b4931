"""The SQL tables. A change here comes with a migration under ``migrations/versions``."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import DateTime, Dialect, Double, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC; SQLite keeps no time zone, so it is taken off on the way in and put back on the way out."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 (SQLAlchemy's signature)
        """Store UTC without its zone."""
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 (SQLAlchemy's signature)
        """Give back an aware UTC moment."""
        return None if value is None else value.replace(tzinfo=UTC)


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


class Base(DeclarativeBase):
    """Every table of a run's database."""

    type_annotation_map = {datetime: UtcDateTime}  # noqa: RUF012 (SQLAlchemy reads it from the class)


class LedgerRow(Base):
    """One statement about one sample. Rows are only ever added: SQLite's triggers refuse updates and deletions.

    ``objects`` is JSON, for samples whose label is not a class.
    """

    __tablename__ = "ledger"

    entry: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    sample_id: Mapped[str] = mapped_column(index=True)
    label: Mapped[int | None]
    objects: Mapped[str | None]
    annotator: Mapped[str]
    round: Mapped[int]
    model: Mapped[str]
    reason: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=now)


class JournalRow(Base):
    """One finished step of a cycle."""

    __tablename__ = "journal"
    __table_args__ = (UniqueConstraint("round", "step"),)

    entry: Mapped[int] = mapped_column(primary_key=True)
    round: Mapped[int]
    step: Mapped[str]
    artefact: Mapped[str | None]
    sha256: Mapped[str | None]
    seconds: Mapped[float] = mapped_column(Double)
    finished_at: Mapped[datetime] = mapped_column(default=now)


class PromotionRow(Base):
    """One change of the champion. Rows are only ever added; the last one says who the champion is."""

    __tablename__ = "promotions"

    entry: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    round: Mapped[int]
    former: Mapped[int | None]
    kind: Mapped[str]
    reason: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)


class TriggerRow(Base):
    """One evaluation of the triggers: ``cause`` is JSON, ``outcome`` what came of it. Rows are only ever added."""

    __tablename__ = "triggers"

    entry: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    trigger: Mapped[str]
    fired: Mapped[bool]
    cause: Mapped[str]
    outcome: Mapped[str]
    round: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(default=now)


class ArrivalRow(Base):
    """One sample that came to the pool after the run began. Rows are only ever added.

    ``position`` counts from 0 in the order of arrival; ``file`` is relative to the run's folder.
    """

    __tablename__ = "arrivals"

    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sample_id: Mapped[str] = mapped_column(unique=True)
    file: Mapped[str]
    sha256: Mapped[str] = mapped_column(unique=True)
    perceptual_hash: Mapped[str] = mapped_column(index=True)
    group: Mapped[str]
    cost: Mapped[float] = mapped_column(Double)
    created_at: Mapped[datetime] = mapped_column(default=now)


class EvidenceRow(Base):
    """One report of one sample, whenever that came: ``evidence`` is JSON. Rows are only ever added."""

    __tablename__ = "evidence"

    entry: Mapped[int] = mapped_column(primary_key=True)
    sample_id: Mapped[str] = mapped_column(index=True)
    label: Mapped[int | None]
    evidence: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)
