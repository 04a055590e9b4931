"""The labelling service's databases, for tests: SQLite, and a PostgreSQL server of the distribution's package."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from tempfile import mkdtemp

import pytest

from alframe.storage.service import ServiceDatabase, open_service

_numbers = count()


class PostgresServer:
    """A server of its own in a temporary folder; PostgreSQL refuses to run as root, so then it runs as ``nobody``."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._folder = Path(mkdtemp(prefix="alframe-postgres-", dir="/tmp"))
        self._account = "nobody" if os.geteuid() == 0 else None
        if self._account:
            owner = pwd.getpwnam(self._account)
            os.chown(self._folder, owner.pw_uid, owner.pw_gid)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._call("initdb", "-D", "data", "-U", "alframe", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-c listen_addresses=127.0.0.1 -c max_connections=200 -p {self.port} -k {self._folder}"
        self._call("pg_ctl", "-w", "-D", "data", "-l", "log", "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop it: ``fast`` breaks connections off, ``immediate`` is a crash."""
        self._call("pg_ctl", "-w", "-D", "data", "-m", mode, "stop")

    def new_database(self) -> str:
        """The URL of an empty database."""
        name = f"test_{next(_numbers)}"
        self._call("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "alframe", name)
        return f"postgresql://alframe@127.0.0.1:{self.port}/{name}"

    def remove(self) -> None:
        """Stop it and take its folder away."""
        self.stop("immediate")
        shutil.rmtree(self._folder)

    def _call(self, program: str, *words: str) -> None:
        owner = pwd.getpwnam(self._account) if self._account else None
        user, group = (None, None) if owner is None else (owner.pw_uid, owner.pw_gid)
        with (self._folder / f"{program}.out").open("ab") as out:  # a pipe would stay open in the server
            done = subprocess.run(
                [self._programs / program, *words],
                cwd=self._folder,
                stdout=out,
                stderr=out,
                check=False,
                user=user,
                group=group,
                extra_groups=None if owner is None else [],
            )
        assert done.returncode == 0, (self._folder / f"{program}.out").read_text()


def postgres_programs() -> Path | None:
    """Where PostgreSQL's programs lie, the newest ones, if there are any."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if found:
        return max(found, key=lambda folder: int(folder.parent.name))
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


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
