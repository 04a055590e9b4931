"""Who was shown which image, and when: what nobody can change afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from alframe.storage.service import ServiceDatabase
from alframe.storage.service.tables import ItemRow, UserRow, ViewRow


@dataclass(frozen=True)
class View:
    """Somebody was shown an image: a held one too, if it was before the hold."""

    id: int
    user: str
    item: int
    sample_id: str
    at: datetime


def page(database: ServiceDatabase, project_id: int, *, after: int = 0, limit: int = 100) -> list[View]:
    """The first ``limit`` views of a project's images above ``after``, the earliest first."""
    columns = ViewRow.id, UserRow.name, ViewRow.item_id, ItemRow.sample_id, ViewRow.created_at
    wanted = select(*columns).join(ItemRow, ItemRow.id == ViewRow.item_id).join(UserRow, UserRow.id == ViewRow.user_id)
    of_project = wanted.where(ItemRow.project_id == project_id, ViewRow.id > after)
    with database.read() as session:
        return [View(*row) for row in session.execute(of_project.order_by(ViewRow.id).limit(limit))]
