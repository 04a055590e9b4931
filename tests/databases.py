"""The labelling service's databases, for tests: SQLite, and a PostgreSQL server of the distribution's package."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from postgresql import PostgresServer, postgres_programs

from alframe.storage.service import ServiceDatabase, open_service

__all__ = ["PostgresServer", "database", "migrated_database", "migrated_file", "postgres", "service_url"]


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A running PostgreSQL server."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    server = PostgresServer(programs, durable=False)
    yield server
    server.remove()


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file in which the tables are made."""
    path = tmp_path_factory.mktemp("migrated") / "service.sqlite"
    open_service(f"sqlite:///{path}").close()
    return path


@pytest.fixture(scope="session")
def migrated_database(postgres: PostgresServer) -> str:
    """The name of a PostgreSQL database in which the tables are made."""
    url = postgres.new_database()
    open_service(url).close()
    return url.rpartition("/")[-1]


@pytest.fixture(params=["sqlite", "postgresql"])
def service_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database in which the tables are made, and nothing else; the test runs once on each kind."""
    if request.param == "sqlite":
        path = tmp_path / "service.sqlite"
        shutil.copyfile(request.getfixturevalue("migrated_file"), path)
        return f"sqlite:///{path}"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_database(request.getfixturevalue("migrated_database"))


@pytest.fixture
def database(service_url: str) -> Iterator[ServiceDatabase]:
    """A database of the labelling service; the test runs once on each kind."""
    opened = open_service(service_url)
    yield opened
    opened.close()
