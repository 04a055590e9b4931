"""The labelling service's database: SQLite for one machine, PostgreSQL for teams."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, InterfaceError, OperationalError
from sqlalchemy.orm import Session

from alframe.errors import ConfigurationError
from alframe.storage.service import postgresql

DATABASE = "service.sqlite"
"""The database's file in a service's folder, where no other database is named."""

MIGRATING = 7_304_551
"""The key of PostgreSQL's advisory lock under which one process migrates at a time."""

PATIENCE = 60.0
"""Seconds that a writer waits for SQLite's lock."""

PAUSE = 0.002
"""Seconds between two tries to get it."""


class ServiceDatabase:
    """Sessions over the service's database.

    A writing one on SQLite holds the one writer's lock from its beginning, so that what it read is still so when it
    writes.

    Args:
        engine: made by ``open_service``.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._reading = engine.execution_options(alframe_reads=True)

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session whose changes are there, whole, when the block ends; after an error there are none."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that reads one state of the database and waits for nobody."""
        with Session(self._reading) as session:
            yield session

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def open_service(url: str | URL) -> ServiceDatabase:
    """Open (or create) the service's database at an SQLAlchemy ``url`` and migrate it to this version's schema.

    Raises:
        ConfigurationError: no such kind of database, or it cannot be reached.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigurationError(f"{url!r} is no database's URL: sqlite:///PATH or postgresql://HOST/NAME") from error
    database = ServiceDatabase(_engine(parsed))
    config = Config()
    config.set_main_option("script_location", "alframe.storage.service:migrations")
    try:
        with database.engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATING})
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except (InterfaceError, OperationalError) as error:
        raise ConfigurationError(f"the database {parsed.render_as_string()} cannot be opened: {error.orig}") from error
    return database


def _engine(url: URL) -> Engine:
    match url.get_backend_name():
        case "sqlite":
            engine = create_engine(url, connect_args={"timeout": PATIENCE})
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
            return engine
        case "postgresql":
            try:
                return create_engine(url.set(drivername=postgresql.DRIVER), pool_pre_ping=True, pool_size=20)
            except ModuleNotFoundError as error:
                raise ConfigurationError("PostgreSQL needs the extra: pip install 'alframe[postgres]'") from error
        case other:
            raise ConfigurationError(f"the service keeps its data in SQLite or PostgreSQL, not in {other!r}")


def _prepare_sqlite(connection: sqlite3.Connection, _: Any) -> None:
    connection.isolation_level = None  # transactions begin where _begin_sqlite says
    # What was acknowledged survives a power cut; readers do not wait for the writer.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    if connection.get_execution_options().get("alframe_reads", False):
        connection.exec_driver_sql("BEGIN")
        return
    # SQLite's own waiting looks ever less often, so that of many writers those that have waited longest starve.
    connection.exec_driver_sql("PRAGMA busy_timeout = 0")
    deadline = monotonic() + PATIENCE
    while True:
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            break
        except OperationalError as error:
            busy = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or monotonic() > deadline:
                raise
            sleep(PAUSE)
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {PATIENCE * 1000:.0f}")
