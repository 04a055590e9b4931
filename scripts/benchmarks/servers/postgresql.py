"""A PostgreSQL server of the distribution's package, for benchmarks and tests."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
from itertools import count
from pathlib import Path
from tempfile import mkdtemp


class PostgresServer:
    """A server of its own in a temporary folder; PostgreSQL refuses to run as root, so then it runs as ``nobody``.

    Args:
        programs: where PostgreSQL's programs lie.
        durable: whether what it acknowledges survives a power cut too, and not only its own end.
    """

    def __init__(self, programs: Path, *, durable: bool = True) -> None:
        self._programs = programs
        self._fsync = "on" if durable else "off"
        self._numbers = count()
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
        settings = ("listen_addresses=127.0.0.1", "max_connections=200", f"fsync={self._fsync}")
        options = f"-p {self.port} -k {self._folder} {' '.join(f'-c {setting}' for setting in settings)}"
        self._call("pg_ctl", "-w", "-D", "data", "-l", "log", "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop it: ``fast`` breaks connections off, ``immediate`` is a crash."""
        self._call("pg_ctl", "-w", "-D", "data", "-m", mode, "stop")

    def new_database(self, template: str = "template1") -> str:
        """The URL of a new database, a copy of the one named ``template``, which nobody may be using."""
        name = f"database_{next(self._numbers)}"
        where = ("-h", "127.0.0.1", "-p", str(self.port), "-U", "alframe")
        self._call("createdb", *where, "--template", template, name)
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
        if done.returncode != 0:
            raise RuntimeError((self._folder / f"{program}.out").read_text())


def postgres_programs() -> Path | None:
    """Where PostgreSQL's programs lie, the newest ones, if there are any."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if found:
        return max(found, key=lambda folder: int(folder.parent.name))
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None
