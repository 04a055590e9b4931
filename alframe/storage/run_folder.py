"""One run, one folder, one configuration, one process at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout
from sqlalchemy import Engine

from alframe.configuration import flatten
from alframe.errors import RunConflict
from alframe.storage.artifacts import whole_file
from alframe.storage.database import open_database, sqlite_url

CONFIG = "config.yaml"
DATABASE = "run.sqlite"
INCIDENTAL = frozenset(
    {
        *("data.download", "loader.prefetch", "loader.workers"),
        *("oracle.address", "oracle.database", "oracle.poll", "oracle.service", "oracle.wait"),
    }
)
"""Keys that cannot change what a run decides, and so may differ when it goes on."""


@contextmanager
def claim_folder(folder: Path, config: Mapping[str, Any]) -> Iterator[Engine]:
    """Hold ``folder`` for the run that ``config`` describes, and give its database.

    A new folder keeps the configuration as ``config.yaml``; a folder that has one must have the same.

    Raises:
        RunConflict: another process holds the folder, or it belongs to another configuration (the difference is
            shown).
    """
    with hold_folder(folder):
        _agree_on_config(folder, config)
        engine = open_database(sqlite_url(folder / DATABASE))
        try:
            yield engine
        finally:
            engine.dispose()


@contextmanager
def hold_folder(folder: Path) -> Iterator[None]:
    """Make ``folder`` where it is missing and hold it for this process.

    Raises:
        RunConflict: another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):
            yield
    except Timeout as error:
        raise RunConflict(f"another process is running in {folder}; wait for it, or choose another folder") from error


@contextmanager
def hold_promotions(folder: Path) -> Iterator[None]:
    """Let nobody else change who is champion in ``folder`` during the block; it may be done while a cycle runs there.

    Raises:
        RunConflict: another process has not ended such a change for a minute.
    """
    try:
        with FileLock(folder / ".promotions.lock", timeout=60):
            yield
    except Timeout as error:
        raise RunConflict(f"another process is changing the champion in {folder}, for a minute already") from error


def _agree_on_config(folder: Path, config: Mapping[str, Any]) -> None:
    path = folder / CONFIG
    if not path.exists():
        with whole_file(path) as unfinished:
            unfinished.write_text(yaml.safe_dump(dict(config), sort_keys=False))
        return
    was, wanted = flatten(yaml.safe_load(path.read_text())), flatten(config)
    changed = [key for key in was | wanted if was.get(key) != wanted.get(key) and key not in INCIDENTAL]
    if changed:
        lines = [f"  {key}: {was.get(key, '(not set)')} -> {wanted.get(key, '(not set)')}" for key in changed]
        raise RunConflict(
            f"{folder} holds a run with another configuration (its value -> yours):\n"
            + "\n".join(lines)
            + "\nGive this run a folder of its own (name=...), or go back to the configuration above."
        )
