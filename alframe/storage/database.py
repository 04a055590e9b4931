"""Opening a database: SQLite in the run's folder by default, brought to the newest schema."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine


def open_database(url: str) -> Engine:
    """Open (or create) the database at an SQLAlchemy ``url`` and migrate it to this version's schema."""
    engine = create_engine(url)
    config = Config()
    config.set_main_option("script_location", "alframe.storage:migrations")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return engine
