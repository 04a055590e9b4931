"""The labelling service's databases, for tests: SQLite, and a PostgreSQL server of the distribution's package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from postgresql import PostgresServer, postgres_programs

from alframe.storage.service import ServiceDatabase, open_service

__all__ = ["PostgresServer", "database", "postgres", "service_url"]


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A running PostgreSQL server."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    server = PostgresServer(programs)
    yield server
    server.remove()


@pytest.fixture(params=["sqlite", "postgresql"])
def service_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database; the test runs once on each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'service.sqlite'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture
def database(service_url: str) -> Iterator[ServiceDatabase]:
    """An empty database of the labelling service; the test runs once on each kind."""
    opened = open_service(service_url)
    yield opened
    opened.close()
