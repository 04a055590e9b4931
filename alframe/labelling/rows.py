"""Many rows at once: named in parts, and locked in one order, so that nobody waits in a circle.

Whoever locks several rows locks the project first, then tasks in the order of their ids, then items in theirs, and
writes into the audit trail last: its entries are counted by one transaction at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TypeVar

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from alframe.functional.blocks import blocks
from alframe.storage.service.tables import ItemRow, TaskRow

Value = TypeVar("Value", int, str)

AT_ONCE = 500
"""Rows that one statement names; SQLite takes 32,766 values."""


def parts(values: Sequence[Value]) -> Iterator[Sequence[Value]]:
    """The values in parts that one statement may name."""
    return (values[part] for part in blocks(len(values), AT_ONCE))


def lock_tasks(session: Session, item_ids: Collection[int], *which: ColumnElement[bool]) -> list[int]:
    """Lock the tasks of these items that ``which`` names; their ids, in order."""
    there = [
        task_id
        for part in parts(sorted(item_ids))
        for task_id in session.scalars(select(TaskRow.id).where(TaskRow.item_id.in_(part), *which))
    ]
    return [
        task_id
        for part in parts(sorted(there))
        for task_id in session.scalars(
            select(TaskRow.id).where(TaskRow.id.in_(part), *which).order_by(TaskRow.id).with_for_update(key_share=True)
        )
    ]


def lock_items(session: Session, item_ids: Collection[int]) -> None:
    """Lock items, before anything is changed of them and before the audit trail is written."""
    for part in parts(sorted(item_ids)):
        ordered = select(ItemRow.id).where(ItemRow.id.in_(part)).order_by(ItemRow.id)
        session.execute(ordered.with_for_update(key_share=True)).all()
