from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from accounts import some_user
from sqlalchemy import select

from alframe.errors import Conflict, InvalidInput, NotFound
from alframe.labelling import Answer, NewTask, Project, Projects, ProjectSettings, Queue
from alframe.labelling.images import StoredImage
from alframe.labelling.items import Items, NewItem
from alframe.labelling.rows import AT_ONCE
from alframe.labelling.settling.reviewing import Reviews
from alframe.storage import sqlite_url
from alframe.storage.service import ServiceDatabase, open_service
from alframe.storage.service.tables import AssignmentRow, AuditRow, ItemRow, SettlementRow, TaskRow, ViewRow

IMAGE = StoredImage("a" * 64, 8, 6)


def a_project(database: ServiceDatabase, name: str = "pets", **settings: Any) -> Project:
    return Projects(database).create(name, "classification", ["cat", "dog"], ProjectSettings(**settings), by="root")


def images(*names: str, **fields: Any) -> list[NewItem]:
    return [NewItem(name, IMAGE, **fields) for name in names]


def states(database: ServiceDatabase, project: Project) -> dict[str, str]:
    return {each.sample_id: each.state for each in Items(database).page(project.id)}


def actions(database: ServiceDatabase) -> list[str]:
    with database.read() as session:
        return [row for row in session.scalars(select(AuditRow.action).order_by(AuditRow.entry)) if "items" in row]


def test_items_are_added_once(database: ServiceDatabase) -> None:
    """Again, in parts, and more at once than one statement names."""
    items, project = Items(database), a_project(database)
    names = [f"sample {number}" for number in range(AT_ONCE + 7)]
    first = items.add(project.id, images(*names[:3], group="left"), by="ann")
    everything = items.add(project.id, images(*names), by="ann")
    assert list(everything) == names
    assert {name: everything[name] for name in first} == first
    assert items.add(project.id, images(*names), by="ann") == everything
    page = items.page(project.id, limit=1_000)
    assert [(each.id, each.sample_id) for each in page] == [(everything[name], name) for name in names]
    assert {(each.width, each.height, each.state) for each in page} == {(8, 6, "new")}
    assert [each.group for each in page[:4]] == ["left", "left", "left", ""]
    assert actions(database) == ["items.add", "items.add"]


def test_projects_have_items_of_their_own(database: ServiceDatabase) -> None:
    items, one, other = Items(database), a_project(database, "one"), a_project(database, "other")
    mine = items.add(one.id, images("a"), by="ann")
    theirs = items.add(other.id, images("a"), by="ann")
    assert mine != theirs
    items.hold(one.id, ["a"], "no consent", by="ann")
    assert states(database, other) == {"a": "new"}


def test_those_who_add_the_same_at_once_get_the_same(database: ServiceDatabase) -> None:
    items, project = Items(database), a_project(database)
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: items.add(project.id, images("a", "b", "c"), by="ann"), range(4)))
    assert all(each == made[0] for each in made)
    assert len(items.page(project.id)) == 3


@pytest.mark.parametrize(
    ("new", "error", "said"),
    [
        (images("b", "a", "b"), InvalidInput, "'b' is there twice"),
        (images("b", ""), InvalidInput, "a name of its own"),
        (images("b", "c\x00"), InvalidInput, "none that control"),
        (images("b", "c\n"), InvalidInput, "none that control"),
        (images("b", "\ud800"), InvalidInput, "none that control"),
        (images("b", "c" * 1_001), InvalidInput, "at most 1,000"),
        (images("b", group="left\x7f"), InvalidInput, "none that control"),
        ([NewItem("b", IMAGE), NewItem("a", StoredImage("b" * 64, 8, 6))], Conflict, "'a' is there with another image"),
        (images("b", masks=[(0, 0, 1)]), InvalidInput, "a mask is a box"),
        (images("b", masks=[(0, 0, float("nan"), 1)]), InvalidInput, "a mask is a box"),
        (images("b", masks=[(0, 0, float("inf"), 1)]), InvalidInput, "a mask is a box"),
        (images("b", masks=[(3, 0, 2, 1)]), InvalidInput, "a mask is a box"),
    ],
)
def test_of_what_is_refused_nothing_is_added(
    lone_project: tuple[ServiceDatabase, Project], new: list[NewItem], error: type[Exception], said: str
) -> None:
    database, project = lone_project
    with pytest.raises(error, match=said):
        Items(database).add(project.id, new, by="ann")
    assert list(states(database, project)) == ["a"]


@pytest.fixture
def lone_project(tmp_path: Path) -> Iterator[tuple[ServiceDatabase, Project]]:
    """A project with the item a; on SQLite: what is refused here, no database has a say in."""
    database = open_service(sqlite_url(tmp_path / "lone.sqlite"))
    project = a_project(database)
    Items(database).add(project.id, images("a"), by="ann")
    yield database, project
    database.close()


def test_who_is_not_there_cannot_be_held_and_there_is_a_reason(database: ServiceDatabase) -> None:
    items, project = Items(database), a_project(database)
    items.add(project.id, images("a"), by="ann")
    with pytest.raises(NotFound, match="no project 99"):
        items.add(99, images("a"), by="ann")
    with pytest.raises(NotFound, match="1 of 2 samples"):
        items.hold(project.id, ["a", "b"], "no consent", by="ann")
    with pytest.raises(NotFound, match="1 of 1 samples"):
        items.release(project.id, ["b"], by="ann")
    with pytest.raises(InvalidInput, match="needs a reason"):
        items.hold(project.id, ["a"], " ", by="ann")
    assert states(database, project) == {"a": "new"}


def test_a_hold_comes_with_new_items_and_with_old_ones_and_stays(database: ServiceDatabase) -> None:
    """Adding again without one does not end it: only a release does."""
    items, project = Items(database), a_project(database)
    items.add(project.id, images("a", held="no consent") + images("b"), by="ann")
    items.add(project.id, images("a") + images("b", held="legal hold"), by="ann")
    page = items.page(project.id)
    assert [(each.sample_id, each.held, each.state) for each in page] == [
        ("a", "no consent", "held"),
        ("b", "legal hold", "held"),
    ]
    items.release(project.id, ["a"], by="ann")
    items.release(project.id, ["a"], by="ann")
    assert states(database, project) == {"a": "new", "b": "held"}
    assert actions(database) == ["items.add", "items.hold", "items.release"]


def test_a_hold_ends_what_was_asked_and_a_release_asks_again(database: ServiceDatabase) -> None:
    """Whoever had it loses it, and what comes of their lease is refused; the answers there are stay."""
    items, project, queue = Items(database), a_project(database, overlap=2), Queue(database)
    ann, bob, eve = (some_user(database, name).id for name in ("ann", "bob", "eve"))
    ids = items.add(project.id, images("a", "b"), by="root")
    queue.ask(project.id, 0, [NewTask(ids["a"], 1.0), NewTask(ids["b"], 0.0)])
    done, begun = queue.lease(project.id, ann), queue.lease(project.id, bob)
    assert done is not None
    assert begun is not None
    assert done.item_id == begun.item_id == ids["a"]
    queue.submit(done.assignment_id, ann, done.fence, "key", Answer(1))
    items.hold(project.id, ["a"], "consent withdrawn", by="root")
    assert states(database, project) == {"a": "held", "b": "open"}
    assert queue.held(project.id, bob) == []
    with pytest.raises(Conflict):
        queue.renew(begun.assignment_id, bob, begun.fence)
    with pytest.raises(Conflict):
        queue.submit(begun.assignment_id, bob, begun.fence, "key", Answer(0))
    assert {leased(queue, project, each) for each in (ann, bob)} == {ids["b"]}
    assert queue.lease(project.id, eve) is None
    items.release(project.id, ["a"], by="root")
    assert states(database, project) == {"a": "open", "b": "open"}
    assert leased(queue, project, ann) is None  # who has answered
    assert leased(queue, project, eve) == ids["a"]
    with pytest.raises(Conflict):
        queue.submit(begun.assignment_id, bob, begun.fence, "key", Answer(0))


def leased(queue: Queue, project: Project, user_id: int) -> int | None:
    lease = queue.lease(project.id, user_id)
    return lease.item_id if lease else None


@pytest.mark.parametrize("state", ["complete", "review"])
def test_a_hold_keeps_back_what_is_not_settled_yet(database: ServiceDatabase, state: str) -> None:
    """What nobody is asked any more waits behind the hold, and goes on from there; what is settled stays so."""
    items, project, queue = Items(database), a_project(database), Queue(database)
    ids = items.add(project.id, images("a", "b", "c"), by="root")
    queue.ask(project.id, 0, [NewTask(item_id) for item_id in ids.values()])
    with database.write() as session:
        for task in session.scalars(select(TaskRow)):
            task.state, task.reason = "settled" if task.item_id == ids["b"] else state, "flagged: blurred"
        for assignment in session.scalars(select(AssignmentRow)):
            assignment.state = "done"
    items.hold(project.id, ["a", "b"], "legal hold", by="root")
    assert states(database, project) == {"a": "held", "b": "held", "c": state}
    with database.read() as session:
        tasks = {task.item_id: task.state for task in session.scalars(select(TaskRow))}
        task_of = {task.item_id: task.id for task in session.scalars(select(TaskRow))}
    assert tasks == {ids["a"]: state, ids["b"]: "settled", ids["c"]: state}
    assert [each.sample_id for each in Reviews(database).waiting(project.id)] == ["c"] * (state == "review")
    for see in (Reviews(database).opened, lambda task: Reviews(database).decide(task, 1, "", "k", by="rita")):
        with pytest.raises(NotFound, match="is held"):
            see(task_of[ids["a"]])
    items.release(project.id, ["a", "b"], by="root")
    assert states(database, project) == {"a": state, "b": "settled", "c": state}
    with database.read() as session:
        assert {task.reason for task in session.scalars(select(TaskRow))} == {"flagged: blurred"}


def test_a_page_is_a_part_of_those_in_a_state(database: ServiceDatabase) -> None:
    """Page by page there is every item once; gold says nothing of what the cycle asked for."""
    items, project, queue = Items(database), a_project(database), Queue(database)
    ids = items.add(project.id, images(*"abcdef"), by="root")
    queue.ask(project.id, 0, [NewTask(ids["b"]), NewTask(ids["d"]), NewTask(ids["e"])])
    items.hold(project.id, ["e"], "legal hold", by="root")
    with database.write() as session:
        gold = TaskRow(project_id=project.id, item_id=ids["f"], round=1, kind="gold", state="open")
        label = {"label": 1, "source": "import", "settled_by": "root", "version": 1}
        session.add_all([gold, SettlementRow(project_id=project.id, item_id=ids["c"], key="c", **label)])
    expected = {"a": "new", "b": "open", "c": "settled", "d": "open", "e": "held", "f": "new"}
    assert states(database, project) == expected
    for state in ("new", "open", "settled", "held", "review"):
        wanted = [name for name, each in expected.items() if each == state]
        assert paged(items, project, 1, state) == paged(items, project, 2, state) == wanted
    assert paged(items, project, 4, None) == list("abcdef")


def paged(items: Items, project: Project, limit: int, state: str | None) -> list[str]:
    found: list[str] = []
    after = 0
    while page := items.page(project.id, after=after, limit=limit, state=state):
        assert len(page) <= limit
        found += [each.sample_id for each in page]
        after = page[-1].id
    return found


def test_every_view_is_written_down(database: ServiceDatabase) -> None:
    items, project, ann = Items(database), a_project(database), some_user(database)
    ids = items.add(project.id, images("a", "b"), by="root")
    for name in ("a", "b", "a"):
        items.view(ids[name], ann.id)
    with database.read() as session:
        views = session.scalars(select(ViewRow).order_by(ViewRow.id)).all()
    assert [(view.item_id, view.user_id) for view in views] == [(ids[name], ann.id) for name in ("a", "b", "a")]


def test_masks_are_kept_with_the_item(database: ServiceDatabase) -> None:
    items, project = Items(database), a_project(database)
    ids = items.add(project.id, images("a", masks=[(0, 1, 2.5, 3)]), by="root")
    with database.read() as session:
        assert session.get_one(ItemRow, ids["a"]).masks == [[0.0, 1.0, 2.5, 3.0]]
