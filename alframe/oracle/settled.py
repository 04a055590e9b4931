"""What people have settled of a query, as annotations, and what of it may still come."""

from __future__ import annotations

from collections.abc import Callable, Collection

from sqlalchemy import and_, case, select

from alframe.errors import Conflict
from alframe.labelling.projects import Project
from alframe.labelling.rows import parts
from alframe.labelling.settling.settlements import Settlement, current
from alframe.storage.service import ServiceDatabase
from alframe.storage.service.tables import ItemRow, TaskRow
from alframe.types import Annotation, BatchLabels, Query, SettledLabel

WAITING = ("open", "complete", "review")
"""States of a task whose label may still come."""


def annotations_of(
    database: ServiceDatabase, project: Project, query: Query, unreadable: Callable[[str], str | None]
) -> list[Annotation]:
    """What holds of the samples of a query, so far.

    Args:
        database: of the service.
        project: that was asked.
        query: what was asked.
        unreadable: why the image of a sample cannot be read, by id; ``None`` if it can.

    Raises:
        Conflict: the service was not asked about a sample.
    """
    settled, asked = current(database, project.id, query.ids), _states(database, project, query)
    found = []
    for sample_id in query.ids:
        if (settlement := settled.get(sample_id)) is not None:
            found.append(annotation(settlement, query.round, query.model))
        elif sample_id not in asked:  # nobody could be shown it
            if (why := unreadable(sample_id)) is None:
                raise Conflict(
                    f"labelling project {project.name!r} was never asked about {sample_id}, of round {query.round}: is "
                    "this another service? Name the one that was, with oracle.service or oracle.database"
                )
            key = f"{query.round}/{sample_id}/unreadable"
            found.append(Annotation(key, sample_id, None, "alframe", query.round, query.model, why))
    return found


def still_open(
    database: ServiceDatabase, project: Project, query: Query, annotations: Collection[Annotation]
) -> set[str]:
    """Samples of a query, by id, that are not among ``annotations`` and whose label may still come."""
    waiting = {sample_id for sample_id, state in _states(database, project, query).items() if state in WAITING}
    return waiting.difference(each.sample_id for each in annotations)


def account_of(database: ServiceDatabase, project: Project, query: Query) -> BatchLabels:
    """Who settled what of a query, and how far they agreed, in the order in which it was asked."""
    holds = current(database, project.id, query.ids)
    found = (holds[sample_id] for sample_id in query.ids if sample_id in holds)
    return BatchLabels(query.round, tuple(map(_told, found)))


def _told(holds: Settlement) -> SettledLabel:
    several = ", " in holds.settled_by  # who answers alone agrees with everybody
    return SettledLabel(
        holds.sample_id, holds.version, holds.source, holds.settled_by, holds.agreement if several else None
    )


def annotation(settlement: Settlement, round: int, model: str) -> Annotation:
    """What a settlement says, for the ledger; its key names the round that asked, the sample and the version."""
    key = f"{_key(round, settlement.sample_id)}{settlement.version}"
    reason = settlement.reason if settlement.label is None else None
    who = f"{settlement.source}: {settlement.settled_by}"
    return Annotation(key, settlement.sample_id, settlement.label, who, round, model, reason)


def is_settled(annotation: Annotation) -> bool:
    """Whether an entry of the ledger is such an annotation."""
    return annotation.key.startswith(_key(annotation.round, annotation.sample_id))


def _key(round: int, sample_id: str) -> str:
    return f"{round}/{sample_id}/settled/"


def _states(database: ServiceDatabase, project: Project, query: Query) -> dict[str, str | None]:
    """The state of the task for each sample of the query that is an item; ``None`` where nobody is asked, or may be."""
    ours = and_(TaskRow.item_id == ItemRow.id, TaskRow.round == query.round, TaskRow.kind == "label")
    state = case((ItemRow.held == "", TaskRow.state))
    states = select(ItemRow.sample_id, state).outerjoin(TaskRow, ours).where(ItemRow.project_id == project.id)
    found: dict[str, str | None] = {}
    with database.read() as session:
        for part in parts(query.ids):
            found |= dict(session.execute(states.where(ItemRow.sample_id.in_(part))).all())
    return found
