"""The folder of a labelling service: its database is there, or elsewhere, and its images."""

from __future__ import annotations

import os
from pathlib import Path

from alframe.errors import ConfigurationError
from alframe.labelling.images import ImageStore
from alframe.storage import sqlite_url
from alframe.storage.service import DATABASE, ServiceDatabase, open_service

IMAGES = "images"
DATABASE_VARIABLE = "ALFRAME_DATABASE"
"""Names, in the environment, the database where nothing else is said: its URL may hold a password."""


def open_service_folder(folder: Path, database_url: str | None = None) -> tuple[ServiceDatabase, ImageStore]:
    """Open (or create) what the service in ``folder`` keeps.

    Args:
        folder: made where it is missing, for its owner alone: images and answers are nobody else's on this machine.
        database_url: where the database is; if ``None`` what the environment says, else a SQLite file in the folder.

    Raises:
        ConfigurationError: the folder or the database cannot be used.
    """
    try:
        folder.mkdir(0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"{folder} cannot be a service's folder: {error}") from error
    url = database_url or os.environ.get(DATABASE_VARIABLE) or sqlite_url(folder / DATABASE)
    return open_service(url), ImageStore(folder / IMAGES)


def open_to_others(folder: Path) -> bool:
    """Whether other accounts of this machine get at what is in ``folder``."""
    return bool(folder.stat().st_mode & 0o077)
