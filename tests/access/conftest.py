from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from accounts import some_user

from alframe.storage import sqlite_url
from alframe.storage.service import ServiceDatabase, open_service


@pytest.fixture(scope="session")
def lone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceDatabase]:
    """A database with the user ann that no test changes."""
    folder: Path = tmp_path_factory.mktemp("lone")
    database = open_service(sqlite_url(folder / "service.sqlite"))
    some_user(database)
    yield database
    database.close()
