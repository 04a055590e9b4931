"""The images of a project: added once, held where nobody may see them, and every view written down."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from unicodedata import category

from sqlalchemy import ColumnElement, case, exists, func, insert, literal, select, update
from sqlalchemy.orm import Session

from alframe.errors import Conflict, InvalidInput, NotFound
from alframe.labelling.images import StoredImage
from alframe.labelling.queue.tasks import close_assignments
from alframe.labelling.rows import lock_items, lock_tasks, parts
from alframe.storage.service import ServiceDatabase, record
from alframe.storage.service.tables import AssignmentRow, ItemRow, ProjectRow, SettlementRow, TaskRow, ViewRow

HELD = "held"
"""The state of an item that nobody may see, and the reason of a task that was withdrawn for that."""

MAX_NAME = 1_000
"""Characters of the name of a sample, or of its slice."""


@dataclass(frozen=True)
class NewItem:
    """An image to be labelled.

    Attributes:
        sample_id: its name in the project, and in the source it comes from.
        image: what the store has of it.
        group: its slice (a camera, a site), for what is said per group.
        held: why nobody may see it; empty where they may.
        masks: boxes (x0, y0, x1, y1), in pixels, that are covered before anybody sees it.
    """

    sample_id: str
    image: StoredImage
    group: str = ""
    held: str = ""
    masks: Sequence[Sequence[float]] = ()


@dataclass(frozen=True)
class ItemSummary:
    """An item as its manager sees it.

    ``state`` is ``held``; or that of its latest task: ``open``, ``complete``, ``review``, ``settled``, ``withdrawn``;
    where there is none, ``settled`` (its label came from elsewhere) or ``new``.
    """

    id: int
    sample_id: str
    width: int
    height: int
    group: str
    held: str
    state: str


class Items:
    """The items of a service's projects."""

    def __init__(self, database: ServiceDatabase) -> None:
        self._database = database

    def add(self, project_id: int, new: Iterable[NewItem], *, by: str) -> dict[str, int]:
        """Add what is not there yet, all or nothing; the ids of all, by sample id.

        An item that is there stays as it is, but for a hold, which is taken over: only ``release`` ends one.

        Raises:
            NotFound: no such project.
            Conflict: a sample is there with another image.
            InvalidInput: a sample without a name, or named twice; a name that is none; a mask that is no box.
        """
        offered = _by_name(new)
        with self._database.write() as session:
            # Whoever adds to the project at the same time waits, and then finds what is there now.
            if session.get(ProjectRow, project_id, with_for_update={"key_share": True}) is None:
                raise NotFound(f"there is no project {project_id}")
            there = {row.sample_id: row for row in _rows(session, project_id, list(offered))}
            for row in there.values():
                if row.image != offered[row.sample_id].image.sha256:
                    raise Conflict(f"sample {row.sample_id!r} is there with another image; give this one another id")
            added = [each for each in offered.values() if each.sample_id not in there]
            held = {name: offered[name].held for name, row in there.items() if offered[name].held and not row.held}
            _hold(session, [there[name] for name in held], held)
            ids = {name: row.id for name, row in there.items()} | _insert(session, project_id, added)
            if added:
                record(session, by, "items.add", f"project/{project_id}", {"samples": len(added)})
            if held:
                record(session, by, "items.hold", f"project/{project_id}", {"reasons": held})
        return {name: ids[name] for name in offered}

    def hold(self, project_id: int, sample_ids: Collection[str], reason: str, *, by: str) -> None:
        """Keep samples from everybody: no consent, a legal hold. What is open of them is withdrawn, leases end.

        What people have said of them, and what was settled, stays as it is, and nobody is given it meanwhile.

        Raises:
            NotFound: some are not there; nothing is held then.
            InvalidInput: no reason.
        """
        if not reason.strip():
            raise InvalidInput("a hold needs a reason, for whoever is asked to release it")
        with self._database.write() as session:
            rows = _all_rows(session, project_id, sample_ids)
            held = dict.fromkeys((row.sample_id for row in rows), reason)
            _hold(session, rows, held)
            record(session, by, "items.hold", f"project/{project_id}", {"reasons": held})

    def release(self, project_id: int, sample_ids: Collection[str], *, by: str) -> None:
        """End holds; what they had withdrawn is asked for again.

        Raises:
            NotFound: some are not there; nothing is released then.
        """
        with self._database.write() as session:
            rows = [row for row in _all_rows(session, project_id, sample_ids) if row.held]
            _ask_again(session, rows)
            if rows:
                names = [row.sample_id for row in rows]
                record(session, by, "items.release", f"project/{project_id}", {"samples": names})

    def size(self, project_id: int, item_id: int) -> tuple[int, int]:
        """Width and height, in pixels, of the image of an item.

        Raises:
            NotFound: the project has no such item.
        """
        with self._database.read() as session:
            row = session.get(ItemRow, item_id)
            if row is None or row.project_id != project_id:
                raise NotFound(f"there is no item {item_id} in project {project_id}")
            return row.width, row.height

    def view(self, item_id: int, user_id: int) -> None:
        """Write down that somebody is shown the image of an item."""
        with self._database.write() as session:
            session.add(ViewRow(item_id=item_id, user_id=user_id))

    def page(self, project_id: int, *, after: int = 0, limit: int = 100, state: str | None = None) -> list[ItemSummary]:
        """The first ``limit`` items, by id, of those above ``after`` that are in ``state`` (see ``ItemSummary``)."""
        columns = (ItemRow.id, ItemRow.sample_id, ItemRow.width, ItemRow.height, ItemRow.group, ItemRow.held)
        wanted = select(*columns, _state()).where(ItemRow.project_id == project_id, ItemRow.id > after)
        if state is not None:
            wanted = wanted.where(_state() == state)
        with self._database.read() as session:
            return [ItemSummary(*row) for row in session.execute(wanted.order_by(ItemRow.id).limit(limit))]

    def mask(self, project_id: int, item_id: int, boxes: Sequence[Sequence[float]], *, by: str) -> None:
        """Cover these boxes (x0, y0, x1, y1), in pixels, instead of those before; none uncovers the image.

        Raises:
            NotFound: the project has no such item.
            InvalidInput: something is no box, or reaches out of the image.
        """
        with self._database.write() as session:
            row = session.get(ItemRow, item_id, with_for_update={"key_share": True})
            if row is None or row.project_id != project_id:
                raise NotFound(f"there is no item {item_id} in project {project_id}")
            for box in boxes:
                _check_box(row.sample_id, box)
                if min(box) < 0 or box[2] > row.width or box[3] > row.height:
                    raise InvalidInput(f"the mask {list(box)} reaches out of the image, {row.width} x {row.height}")
            row.masks = [list(map(float, box)) for box in boxes]
            record(session, by, "items.mask", f"item/{item_id}", {"boxes": row.masks})


def check_name(name: str) -> None:
    """Whether every database takes a name, and every page shows it: of a sample, of a slice.

    Raises:
        InvalidInput: it is longer than ``MAX_NAME``, or has control characters or halves of characters.
    """
    if len(name) > MAX_NAME or any(category(character) in ("Cc", "Cs") for character in name):
        raise InvalidInput(f"a name has at most {MAX_NAME:,} characters, and none that control; got {name[:100]!r}")


def _check_box(name: str, box: Sequence[float]) -> None:
    if len(box) != 4 or not all(map(math.isfinite, box)) or box[0] >= box[2] or box[1] >= box[3]:
        raise InvalidInput(f"sample {name!r}: a mask is a box (x0, y0, x1, y1), not {box}")


def _by_name(new: Iterable[NewItem]) -> dict[str, NewItem]:
    offered: dict[str, NewItem] = {}
    for each in new:
        if not each.sample_id or each.sample_id in offered:
            raise InvalidInput(f"every sample needs a name of its own; {each.sample_id!r} is there twice or empty")
        check_name(each.sample_id)
        check_name(each.group)
        for box in each.masks:
            _check_box(each.sample_id, box)
        offered[each.sample_id] = each
    return offered


def _rows(session: Session, project_id: int, names: Sequence[str]) -> Iterator[ItemRow]:
    for part in parts(names):
        yield from session.scalars(
            select(ItemRow).where(ItemRow.project_id == project_id, ItemRow.sample_id.in_(part)).order_by(ItemRow.id)
        )


def _all_rows(session: Session, project_id: int, names: Collection[str]) -> list[ItemRow]:
    rows = list(_rows(session, project_id, list(names)))
    if missing := set(names).difference(row.sample_id for row in rows):
        raise NotFound(f"{len(missing)} of {len(names)} samples are not in project {project_id}: {min(missing)!r}, ...")
    return rows


def _insert(session: Session, project_id: int, new: Sequence[NewItem]) -> dict[str, int]:
    if not new:
        return {}
    values = [
        {
            "project_id": project_id,
            "sample_id": each.sample_id,
            "image": each.image.sha256,
            "width": each.image.width,
            "height": each.image.height,
            "group": each.group,
            "held": each.held,
            "masks": [list(map(float, box)) for box in each.masks],
        }
        for each in new
    ]
    made = session.execute(insert(ItemRow).returning(ItemRow.sample_id, ItemRow.id), values)
    return dict(made.all())


def _hold(session: Session, rows: Sequence[ItemRow], reasons: Mapping[str, str]) -> None:
    """Hold items; what is complete or in review stays that, behind the hold, and goes on after it."""
    ids = [row.id for row in rows]
    # Also those that stay: whoever settles one of them is done before, or finds the hold.
    for part in parts(lock_tasks(session, ids, TaskRow.state.in_(["open", "complete", "review"]))):
        open_ones = TaskRow.id.in_(part), TaskRow.state == "open"
        close_assignments(session, *open_ones)
        session.execute(update(TaskRow).where(*open_ones).values(state="withdrawn", reason=HELD))
    lock_items(session, ids)
    for row in rows:
        row.held = reasons[row.sample_id]
    session.flush()


def _ask_again(session: Session, rows: Sequence[ItemRow]) -> None:
    """End holds; the tasks that one withdrew are open again, for those who have not answered."""
    ids = [row.id for row in rows]
    for part in parts(lock_tasks(session, ids, TaskRow.state == "withdrawn", TaskRow.reason == HELD)):
        ended = AssignmentRow.task_id.in_(part), AssignmentRow.state == "closed"
        again = {"state": "open", "annotator_id": None, "leased_at": None}
        session.execute(update(AssignmentRow).where(*ended).values(again))
        session.execute(update(TaskRow).where(TaskRow.id.in_(part)).values(state="open", reason=""))
    lock_items(session, ids)
    for row in rows:
        row.held = ""
    session.flush()


def _state() -> ColumnElement[str]:
    """``ItemSummary.state`` of a row of items. Gold is asked at any time and says nothing of what the cycle asked."""
    latest = (
        select(TaskRow.state)
        .where(TaskRow.item_id == ItemRow.id, TaskRow.kind != "gold")
        .order_by(TaskRow.created_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    labelled = exists().where(SettlementRow.item_id == ItemRow.id)
    unasked = case((labelled, literal("settled")), else_=literal("new"))
    return case((ItemRow.held != "", literal(HELD)), else_=func.coalesce(latest, unasked))
