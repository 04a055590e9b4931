"""Corrections from production that waited while people were at the image: what comes of them by the signals."""

from __future__ import annotations

from typing import cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from alframe.labelling.labels import classes_of, load_label
from alframe.labelling.projects import Project
from alframe.labelling.queue.submissions import Answer
from alframe.labelling.rules import broken
from alframe.labelling.settling.settlements import Source, append
from alframe.storage.service.tables import FeedbackRow, ItemRow, SettlementRow
from alframe.types import Label


def weigh_reports(session: Session, project: Project, item_id: int) -> None:
    """After people have settled an item: let the corrections hold that came meanwhile and are stronger than they.

    In the order in which they came; none that breaks a rule, or has a safety-critical class, which people alone settle.
    """
    keys = select(SettlementRow.key).where(SettlementRow.item_id == item_id)
    settled = set(session.scalars(keys))
    item = session.get_one(ItemRow, item_id)
    came = select(FeedbackRow).where(FeedbackRow.item_id == item_id).order_by(FeedbackRow.id)
    for row in session.scalars(came).all():
        correction = load_label(row.correction)
        if correction is None or report_key(row) in settled or critical_classes(project, correction):
            continue
        if not broken(Answer(correction), project, item.width, item.height):
            settle_report(session, project, row, correction)


def settle_report(session: Session, project: Project, row: FeedbackRow, correction: Label) -> None:
    """Let a correction hold, unless what holds is stronger."""
    source = cast("Source", row.signal)  # the two of them have the same names
    append(
        session, project, row.item_id, key=report_key(row), label=correction, source=source, settled_by=row.reported_by
    )


def report_key(row: FeedbackRow) -> str:
    """Names the settlement that a report becomes."""
    return f"feedback/{row.id}"


def critical_classes(project: Project, label: Label | None) -> list[str]:
    """The safety-critical ones among the classes of a label, by name."""
    return sorted({project.classes[each] for each in classes_of(label)} & set(project.settings.safety_critical))
