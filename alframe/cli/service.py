"""Which labelling service a command works with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alframe.errors import ConfigurationError

if TYPE_CHECKING:
    from alframe.storage.service import ServiceDatabase

Service = Annotated[Path, typer.Option("--service", help="The folder of a labelling service.")]
Database = Annotated[
    str | None,
    typer.Option(
        "--database",
        envvar="ALFRAME_DATABASE",
        help="The URL of its database, where that is not in the folder: postgresql://NAME@HOST/NAME.",
        show_default=False,
    ),
]


@contextmanager
def opened_database(service: Path, url: str | None) -> Iterator[ServiceDatabase]:
    """The database at ``url``, or the one in the folder ``service``, for the block.

    Raises:
        ConfigurationError: there is none.
    """
    from alframe.storage import sqlite_url
    from alframe.storage.service import DATABASE, open_service

    file = service / DATABASE
    if url is None and not file.is_file():
        raise ConfigurationError(f"there is no labelling service in {service}: name its --service or its --database")
    database = open_service(url or sqlite_url(file))
    try:
        yield database
    finally:
        database.close()
