"""What holds: versions of the labels of items, each with its source. A later version never rewrites an earlier one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias, get_args

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from alframe.errors import Conflict, InvalidInput, NotFound
from alframe.labelling.labels import dump_label, load_label
from alframe.labelling.projects import Project
from alframe.labelling.rows import lock_items, parts
from alframe.storage.service import ServiceDatabase, record
from alframe.storage.service.tables import ItemRow, SettlementRow
from alframe.types import Label

Source: TypeAlias = Literal["review", "consensus", "import", "feedback", "rule", "auto"]
"""Who settled: a reviewer, people who agree, another tool's labels, a production system, a rule, the model."""

SHOWN = ItemRow.held == ""
"""Of held items nobody is given anything."""


@dataclass(frozen=True)
class Settlement:
    """One version of an item's label.

    Attributes:
        id: names it in the database; later ones are higher.
        item_id: the image.
        sample_id: its name in the data source.
        task_id: the task that it settles; ``None`` where nobody was asked.
        version: 1 for the item's first.
        label: what holds; ``None`` where the item cannot be labelled.
        reason: why it cannot, or why a reviewer decided so.
        source: who settled.
        settled_by: their names.
        confidence: how sure, in [0, 1]; ``None`` where nobody can say.
        agreement: how far people agreed, in [0, 1]; ``None`` where they were not asked.
        created_at: when.
    """

    id: int
    item_id: int
    sample_id: str
    task_id: int | None
    version: int
    label: Label | None
    reason: str
    source: Source
    settled_by: str
    confidence: float | None
    agreement: float | None
    created_at: datetime


def append(
    session: Session,
    project: Project,
    item_id: int,
    *,
    key: str,
    label: Label | None,
    source: Source,
    settled_by: str,
    reason: str = "",
    task_id: int | None = None,
    confidence: float | None = None,
    agreement: float | None = None,
) -> int | None:
    """Add a version of an item's label, in the caller's writing transaction, and record it in the audit trail.

    Where what holds comes from a stronger source by the project's ``signals``, nothing is added: a weaker one never
    overrules it. A source that they do not name is weaker than all. Of equally strong ones the later holds.

    Args:
        session: of ``ServiceDatabase.write``.
        project: whose item it is.
        item_id: the image.
        key: names the settlement; the same again adds nothing.
        label: what holds from now on; ``None`` where the item cannot be labelled.
        source: who settles.
        settled_by: their names.
        reason: why it cannot be labelled, or why it is so.
        task_id: the task that is settled.
        confidence: how sure, in [0, 1].
        agreement: how far people agreed, in [0, 1].

    Returns:
        The version; ``None`` where a stronger source holds.

    Raises:
        NotFound: the project has no such item.
        InvalidInput: no label, and no reason why; an unknown source.
        Conflict: the key stands for another settlement.
    """
    if source not in get_args(Source) or (label is None and not reason.strip()):
        raise InvalidInput(f"a settlement has a known source and a label, or a reason for none; got {source!r}, none")
    lock_items(session, [item_id])  # versions of an item are counted by one transaction at a time
    if session.scalar(select(ItemRow.project_id).where(ItemRow.id == item_id)) != project.id:
        raise NotFound(f"project {project.name!r} has no item {item_id}")
    row = SettlementRow(
        key=key,
        project_id=project.id,
        item_id=item_id,
        task_id=task_id,
        label=dump_label(label),
        reason=reason,
        source=source,
        settled_by=settled_by,
        confidence=confidence,
        agreement=agreement,
    )
    if (there := session.scalar(select(SettlementRow).where(SettlementRow.key == key))) is not None:
        return _same(there, row)
    last = holding(session, item_id)
    if last is not None and _rank(last.source, project) < _rank(source, project):
        return None
    row.version = 1 if last is None else last.version + 1
    session.add(row)
    session.flush()
    actor = "system" if source in ("consensus", "rule", "auto") else settled_by
    detail = {"version": row.version, "source": source, "label": row.label, "task": task_id}
    record(session, actor, "item.settle", f"item/{item_id}", detail)
    return row.version


def current(
    database: ServiceDatabase, project_id: int, sample_ids: Sequence[str] | None = None
) -> dict[str, Settlement]:
    """What holds of the samples that are settled and not held, of all by default, by their ids."""
    holds = latest(project_id), SHOWN
    if sample_ids is None:
        found = _found(database, *holds)
    else:
        named = map(ItemRow.sample_id.in_, parts(sample_ids))
        found = [each for those in named for each in _found(database, *holds, those)]
    return {each.sample_id: each for each in found}


def holding(session: Session, item_id: int) -> SettlementRow | None:
    """What holds of an item: its latest version; ``None`` where there is none."""
    versions = select(SettlementRow).where(SettlementRow.item_id == item_id)
    return session.scalar(versions.order_by(SettlementRow.version.desc()).limit(1))


def latest(project_id: int) -> ColumnElement[bool]:
    """The rows of ``settlements`` that hold in a project: the latest version of each item's label."""
    newest = select(func.max(SettlementRow.id)).where(SettlementRow.project_id == project_id)
    return SettlementRow.id.in_(newest.group_by(SettlementRow.item_id))


def history(database: ServiceDatabase, item_id: int) -> list[Settlement]:
    """Every version of an item's label, the first one first."""
    return _found(database, SettlementRow.item_id == item_id)


def page(database: ServiceDatabase, project_id: int, *, after: int = 0, limit: int = 100) -> list[Settlement]:
    """Settlements of a project, all versions, by their ids from ``after`` on; none of an item that is held."""
    return _found(database, SettlementRow.project_id == project_id, SettlementRow.id > after, SHOWN, limit=limit)


def _found(database: ServiceDatabase, *which: ColumnElement[bool], limit: int | None = None) -> list[Settlement]:
    rows = (
        select(SettlementRow, ItemRow.sample_id)
        .join(ItemRow, ItemRow.id == SettlementRow.item_id)
        .where(*which)
        .order_by(SettlementRow.id)
        .limit(limit)
    )
    with database.read() as session:
        return [_settlement(row, sample_id) for row, sample_id in session.execute(rows)]


def _settlement(row: SettlementRow, sample_id: str) -> Settlement:
    source: Source = row.source  # type: ignore[assignment]  # checked when it was added
    return Settlement(
        row.id,
        row.item_id,
        sample_id,
        row.task_id,
        row.version,
        load_label(row.label),
        row.reason,
        source,
        row.settled_by,
        row.confidence,
        row.agreement,
        row.created_at,
    )


def _same(there: SettlementRow, row: SettlementRow) -> int:
    """The version of a settlement that is added again.

    Raises:
        Conflict: it is another one.
    """
    said = ("project_id", "item_id", "label", "reason", "source", "settled_by")
    if any(getattr(there, name) != getattr(row, name) for name in said):
        raise Conflict(f"the key {there.key!r} stands for another settlement of item {there.item_id}")
    return there.version


def _rank(source: str, project: Project) -> int:
    signals = [str(each) for each in project.settings.signals]
    return signals.index(source) if source in signals else len(signals)
