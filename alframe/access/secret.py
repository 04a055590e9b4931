"""What access tokens are signed with."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from alframe.errors import ConfigurationError

VARIABLE = "ALFRAME_SECRET"
"""Several servers of one service have to share a secret: each has it in its environment under this name."""

FILE = "secret"
SHORTEST = 32
"""Bytes."""


def service_secret(folder: Path) -> bytes:
    """The secret of the service in ``folder``: of the environment, or of a file that is made the first time.

    The file is there whole or not at all, whoever else comes at the same time, and only its owner reads it.

    Raises:
        ConfigurationError: it is too short, or others may read the file.
    """
    given = os.environ.get(VARIABLE)
    if given is not None:
        return _long_enough(given.encode(), VARIABLE)
    path = folder / FILE
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=folder, prefix=f".{FILE}-") as unfinished:  # which only its owner reads
            unfinished.write(secrets.token_bytes(SHORTEST))
            unfinished.flush()
            os.fsync(unfinished.fileno())
            with suppress(FileExistsError):  # another server was first
                os.link(unfinished.name, path)
    if path.stat().st_mode & 0o077:
        raise ConfigurationError(f"others may read {path}: delete it (everybody signs in again), or chmod 600 it")
    return _long_enough(path.read_bytes(), str(path))


def _long_enough(secret: bytes, where: str) -> bytes:
    if len(secret) < SHORTEST:
        raise ConfigurationError(f"{where} has {len(secret)} bytes; a secret needs {SHORTEST}, chosen at random")
    return secret
