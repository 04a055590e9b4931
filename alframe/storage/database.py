"""Opening a database: SQLite in the run's folder by default, brought to the newest schema."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import URL, Engine, create_engine


def sqlite_url(path: Path) -> URL:
    """The URL of a SQLite file, whatever characters its path has."""
    return URL.create("sqlite", database=str(path))


def open_database(url: str | URL) -> Engine:
    """Open (or create) the database at an SQLAlchemy ``url`` and migrate it to this version's schema."""
    engine = create_engine(url)
    config = Config()
    config.set_main_option("script_location", "alframe.storage:migrations")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return engine
