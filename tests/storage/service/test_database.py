"""The service's database is the same on SQLite and PostgreSQL."""

from __future__ import annotations

import gc
import socket
import struct
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from threading import Thread
from time import time

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import DBAPIError, OperationalError

from alframe.errors import ConfigurationError
from alframe.storage.service import ServiceDatabase, database_now, open_service, record
from alframe.storage.service.audit import GENESIS, entry_sha256
from alframe.storage.service.tables import AuditRow, ServiceBase, UserRow


def test_the_migrations_make_the_tables_of_the_models(database: ServiceDatabase) -> None:
    """Alembic finds nothing left to migrate: every table, column, constraint and index is that of the models."""
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), ServiceBase.metadata) == []
    with database.engine.connect() as connection:
        names = set(inspect(connection).get_table_names())
    assert names == {"alembic_version", *ServiceBase.metadata.tables}


def test_opening_again_keeps_what_is_there(database: ServiceDatabase, service_url: str) -> None:
    with database.write() as session:
        session.add(UserRow(name="ann"))
    again = open_service(service_url)
    with again.read() as session:
        assert session.scalars(select(UserRow.name)).all() == ["ann"]
    again.close()


def test_a_block_that_fails_changes_nothing(database: ServiceDatabase) -> None:
    def fail() -> None:
        with database.write() as session:
            session.add(UserRow(name="ann"))
            session.flush()
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with database.read() as session:
        assert session.scalars(select(UserRow)).all() == []


@pytest.mark.parametrize("change", ["UPDATE audit SET actor = 'eve'", "DELETE FROM audit"])
def test_rows_that_are_only_added_cannot_be_changed(database: ServiceDatabase, change: str) -> None:
    with database.write() as session:
        record(session, "ann", "user.create", "user/1")
    with pytest.raises(DBAPIError, match="append-only"), database.write() as session:
        session.execute(text(change))


def test_each_entry_of_the_audit_trail_carries_the_hash_before_it(database: ServiceDatabase) -> None:
    for number in range(3):
        with database.write() as session:
            record(session, "ann", "user.create", f"user/{number}", {"name": "é"})
    with database.read() as session:
        rows = session.scalars(select(AuditRow).order_by(AuditRow.entry)).all()
        assert [row.previous for row in rows] == [GENESIS, rows[0].sha256, rows[1].sha256]
        assert all(entry_sha256(row) == row.sha256 for row in rows)


def _record_often(url: str, name: str) -> None:
    database = open_service(url)
    for number in range(10):
        with database.write() as session:
            record(session, name, "user.create", f"user/{number}")
    database.close()


def test_the_audit_trail_does_not_fork(database: ServiceDatabase, service_url: str) -> None:
    """Four append at once, each over connections of its own: one chain of all entries."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(_record_often, [service_url] * 4, "abcd"))
    with database.read() as session:
        rows = session.scalars(select(AuditRow).order_by(AuditRow.entry)).all()
    assert [row.entry for row in rows] == list(range(1, 41))
    assert all(later.previous == earlier.sha256 for earlier, later in pairwise(rows))


def test_the_database_tells_the_time(database: ServiceDatabase) -> None:
    """Seconds since 1970, to within what a test may take."""
    with database.read() as session:
        assert session.scalar(select(database_now())) == pytest.approx(time(), abs=30)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "no database's URL"),
        ("mysql://host/name", "SQLite or PostgreSQL"),
        ("sqlite:////nowhere/at/all.sqlite", "cannot be opened"),
    ],
)
def test_a_url_that_cannot_be_opened_is_refused(url: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        open_service(url)


def test_who_waits_for_sqlite_in_vain_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second writer gives up after its patience, and gets its turn where the first has ended in time."""
    monkeypatch.setattr("alframe.storage.service.database.PATIENCE", 0.05)
    url = f"sqlite:///{tmp_path / 'service.sqlite'}"
    first, second = open_service(url), open_service(url)
    with first.write() as session:
        session.add(UserRow(name="ann"))
        session.flush()
        with pytest.raises(OperationalError, match="locked"), second.write() as other:
            other.add(UserRow(name="bob"))
        with second.read() as reading:
            assert reading.scalars(select(UserRow)).all() == []
    with second.write() as session:
        assert session.scalars(select(UserRow.name)).all() == ["ann"]
    first.close()
    second.close()


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")  # pg8000's
def test_a_server_that_hangs_up_while_it_greets_is_told() -> None:
    """What pg8000 raises there is no database error of its own."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        hanging_up = Thread(target=lambda: _hang_up(server))
        hanging_up.start()
        with pytest.raises(ConfigurationError, match="cannot be opened"):
            open_service(f"postgresql://nobody@127.0.0.1:{server.getsockname()[1]}/nothing")
        hanging_up.join()
    gc.collect()


def _hang_up(server: socket.socket) -> None:
    connection, _ = server.accept()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, and no farewell
    connection.close()
