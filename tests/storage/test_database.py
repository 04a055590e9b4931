from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from alframe.storage import open_database
from alframe.storage.tables import Base


def test_migrations_make_the_tables_that_the_code_declares(tmp_path: Path) -> None:
    """After all migrations Alembic finds no difference between the database and the declared tables."""
    engine = open_database(f"sqlite:///{tmp_path / 'run.sqlite'}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_opening_again_keeps_what_is_there(tmp_path: Path) -> None:
    """Opening a database a second time neither fails nor loses a row."""
    url = f"sqlite:///{tmp_path / 'run.sqlite'}"
    with open_database(url).begin() as connection:
        connection.execute(text(INSERT))
    with open_database(url).begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM ledger")) == 1


@pytest.mark.parametrize("change", ["UPDATE ledger SET label = 1", "DELETE FROM ledger"])
def test_the_database_itself_refuses_to_change_the_ledger(tmp_path: Path, change: str) -> None:
    """The ledger is append-only even for somebody who goes around alframe."""
    engine = open_database(f"sqlite:///{tmp_path / 'run.sqlite'}")
    with engine.begin() as connection:
        connection.execute(text(INSERT))
    with pytest.raises(DatabaseError, match="append-only"), engine.begin() as connection:
        connection.execute(text(change))


INSERT = (
    "INSERT INTO ledger (key, sample_id, label, annotator, round, model, created_at) "
    "VALUES ('k', 's', 0, 'me', 0, '', '2026-01-01 00:00:00')"
)
