"""What was said of samples, those that arrived and those that the run began with: a table that is only added to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy import select
from sqlalchemy.orm import Session

from alframe.arrivals.evidence import Evidence
from alframe.storage.tables import EvidenceRow

_EVIDENCE = TypeAdapter(Evidence)


@dataclass(frozen=True)
class Reported:
    """What was said of a sample, once.

    Attributes:
        sample_id: the sample.
        label: the index of the class that somebody gave; ``None`` where nobody did.
        evidence: all that was said.
        created_at: when, in UTC.
    """

    sample_id: str
    label: int | None
    evidence: Evidence
    created_at: datetime


def read_reports(session: Session) -> list[Reported]:
    """All that was said, in its order."""
    rows = session.scalars(select(EvidenceRow).order_by(EvidenceRow.entry))
    return [Reported(row.sample_id, row.label, _EVIDENCE.validate_json(row.evidence), row.created_at) for row in rows]


def add_report(session: Session, sample_id: str, label: int | None, evidence: Evidence) -> bool:
    """Add what is said of a sample, unless the same was said before, as after a kill; return whether it was added."""
    text = _EVIDENCE.dump_json(evidence).decode()
    same = select(EvidenceRow).where(EvidenceRow.sample_id == sample_id, EvidenceRow.evidence == text)
    if session.scalar(same.limit(1)) is not None:
        return False
    session.add(EvidenceRow(sample_id=sample_id, label=label, evidence=text))
    return True
