"""Whoever locks several rows locks them in one order, so that nobody waits in a circle."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import sleep

import numpy as np
import PIL.Image
import pytest
from labelled import Team, team_of
from postgresql import PostgresServer
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from alframe.errors import Unavailable
from alframe.labelling import import_zip
from alframe.labelling.images import ImageStore, StoredImage
from alframe.labelling.items import Items, NewItem
from alframe.labelling.rows import AT_ONCE, lock_items, lock_tasks, parts
from alframe.labelling.settling.settlements import append
from alframe.labelling.signals.auto_accept import Confident, accept
from alframe.storage.service import ServiceDatabase, open_service, record
from alframe.storage.service.reachable import reachable
from alframe.storage.service.tables import ItemRow, TaskRow, UserRow

WAITS = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")


@pytest.fixture
def served(postgres: PostgresServer, migrated_database: str) -> Iterator[ServiceDatabase]:
    """A database in which rows are locked: SQLite has one writer."""
    opened = open_service(postgres.new_database(migrated_database))
    yield opened
    opened.close()


def wait_for_one_that_waits(database: ServiceDatabase) -> None:
    while True:
        with database.read() as session:
            if session.scalars(WAITS).one():
                return
        sleep(0.01)


@pytest.mark.parametrize("way", ["hold", "add"])
def test_who_holds_an_item_does_not_meet_who_settles_it(served: ServiceDatabase, way: str) -> None:
    """One has locked the task and wants the item; the other waits for the task and has locked nothing."""
    team = team_of(served)
    team.ask(0)
    team.answer("ann", 0)
    with ThreadPoolExecutor(1) as pool:
        with served.write() as session:
            lock_tasks(session, team.items[:1])
            holding = pool.submit(held, team, way)
            wait_for_one_that_waits(served)
            append(session, team.project, team.items[0], key="k", label=0, source="consensus", settled_by="ann")
        holding.result()
    assert [each.held for each in Items(served).page(team.project.id, limit=1)] == ["no consent"]


def held(team: Team, way: str) -> None:
    if way == "hold":
        return Items(team.database).hold(team.project.id, ["image/0"], "no consent", by="root")
    image = StoredImage(f"{0:064x}", 8, 6)
    Items(team.database).add(
        team.project.id, [NewItem("new", image), NewItem("image/0", image, held="no consent")], by="root"
    )
    return None


def imported(team: Team, folder: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        table = io.StringIO()
        lines = csv.writer(table)
        lines.writerow(["sample", "label"])
        for number in range(2):
            picture = io.BytesIO()
            PIL.Image.new("L", (8, 6), number).save(picture, "PNG")
            archive.writestr(f"{number}.png", picture.getvalue())
            lines.writerow([f"{number}.png", "cat"])
        archive.writestr("labels.csv", table.getvalue())
    assert import_zip(team.database, ImageStore(folder), team.project.id, file, by="root").labels == 2


def accepted(team: Team, _: Path) -> None:
    sure = [Confident(item, 0, 0.99) for item in team.items[:2]]
    done = accept(team.database, team.project.id, 0, sure, model="m", rng=np.random.default_rng(0), by="root")
    assert len(done.accepted) == 2


@pytest.mark.parametrize("many", [imported, accepted])
def test_who_settles_many_does_not_meet_who_settles_one(
    served: ServiceDatabase, tmp_path: Path, many: Callable[[Team, Path], None]
) -> None:
    """One has locked the last of them and wants the audit trail; the other waits for it, and has not written there."""
    team = team_of(served, auto_accept={"confidence": 0.9, "audit_share": 0.0})
    if many is imported:  # that its items are there; their labels hold already, and are others
        imported(team, tmp_path)
        with served.write() as session:
            for item in session.scalars(select(ItemRow.id).where(ItemRow.sample_id.like("%.png")).order_by(ItemRow.id)):
                append(session, team.project, item, key=f"{item}", label=1, source="import", settled_by="ann")
    with served.read() as session:
        named = "1.png" if many is imported else "image/1"
        last = session.scalars(select(ItemRow.id).where(ItemRow.sample_id == named)).one()
    with ThreadPoolExecutor(1) as pool:
        with served.write() as session:
            lock_items(session, [last])
            other = pool.submit(many, team, tmp_path)
            wait_for_one_that_waits(served)
            record(session, "system", "item.settle", f"item/{last}")
        other.result()


def test_a_transaction_that_was_given_up_for_another_may_be_tried_again(served: ServiceDatabase) -> None:
    """Two who do wait in a circle: one of them is told that the database does not answer, and not that it refuses."""
    with served.write() as session:
        session.add_all([UserRow(name="ann"), UserRow(name="bob")])

    def both(first: str, then: str, ready: Callable[[], None]) -> None:
        change = text("UPDATE users SET epoch = epoch + 1 WHERE name = :name")
        with reachable(), served.write() as session:
            session.execute(change, {"name": first})
            ready()
            session.execute(change, {"name": then})

    with ThreadPoolExecutor(1) as pool:
        others = []

        def begin() -> None:
            others.append(pool.submit(both, "bob", "ann", lambda: None))
            wait_for_one_that_waits(served)

        told = [error_of(lambda: both("ann", "bob", begin)), error_of(lambda: others[0].result())]
    assert told.count(None) == 1
    (given_up,) = (each for each in told if each is not None)
    assert isinstance(given_up, Unavailable)
    assert isinstance(given_up.__cause__, DBAPIError)


def error_of(act: Callable[[], None]) -> Exception | None:
    try:
        act()
    except Exception as error:  # noqa: BLE001 (whatever it is)
        return error
    return None


def test_tasks_of_more_items_than_one_statement_names_are_locked_in_order(database: ServiceDatabase) -> None:
    """Also where the items are named in another order."""
    count = AT_ONCE + 3
    team = team_of(database, items=count)
    team.ask(*reversed(range(count)))
    with database.write() as session:
        everything = session.scalars(select(TaskRow.id).order_by(TaskRow.id)).all()
        assert lock_tasks(session, team.items) == everything
        assert lock_tasks(session, team.items, TaskRow.state == "review") == []
    assert [len(part) for part in parts(team.items)] == [AT_ONCE, 3]
