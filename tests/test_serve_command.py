"""``alframe serve`` as a process: from nothing to labels, past hostile clients, to an end where nothing is lost."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import httpx
import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from alframe.cli import app
from alframe.cli.mistakes import INTERRUPTED
from alframe.storage.service import open_service
from alframe.storage.service.tables import SubmissionRow


@dataclass
class Running:
    """A service that ``alframe serve`` has started."""

    process: subprocess.Popen[str]
    folder: Path
    url: str
    said: str
    clients: list[httpx.Client] = field(default_factory=list)

    def client(self, name: str) -> httpx.Client:
        """Signed in with the password that was printed."""
        password = re.search(rf"as {name} with (\S+?)[,\s]", self.said)
        assert password is not None
        signed = httpx.post(f"{self.url}/api/session", json={"name": name, "password": password[1]}).json()
        headers = {"Authorization": f"Bearer {signed['access_token']}"}
        self.clients.append(httpx.Client(base_url=self.url, headers=headers, timeout=60.0))
        return self.clients[-1]

    def most_memory(self) -> int:
        """The most that it has held so far, in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Stop it as an operator does; how it ended."""
        self.process.send_signal(how)
        for client in self.clients:
            client.close()
        with self.process:
            return self.process.wait(60)


@contextmanager
def serving(folder: Path, *words: str) -> Iterator[Running]:
    """A service on a port that is free; killed if the block ends without having stopped it."""
    started = _started(folder, *words)
    try:
        yield started
    finally:
        if started.process.poll() is None:
            started.stop(signal.SIGKILL)


def _started(folder: Path, *words: str) -> Running:
    command = [sys.executable, "-m", "alframe", "serve", "--service", str(folder), "--port", "0", *words]
    # Without npm, so that nothing is built: the API is what is looked at.
    environment = os.environ | {"PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1", "PATH": str(folder)}
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        # Tests that run in the background have SIGINT ignored, and pass that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if found := re.search(r"serving on (http://\S+?);", line):
            return Running(process, folder, found[1], "".join(lines))
    raise AssertionError("".join(lines))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service with the projects to try."""
    with serving(tmp_path_factory.mktemp("serve") / "service", "--demo") as started:
        yield started
        assert started.stop() == 0


def test_from_nothing_to_a_label_that_holds(running: Running) -> None:
    """The first start says who may sign in; an annotator is given a digit, answers, and that settles by itself."""
    annotator = running.client("annotator")
    projects = {each["name"]: each["id"] for each in annotator.get("/api/me").json()["projects"]}
    assert projects.keys() == {"digits", "surface defects"}
    lease = annotator.post(f"/api/projects/{projects['digits']}/leases").json()
    assert annotator.get(f"/api/items/{lease['item']}/image").content.startswith(b"\x89PNG")
    assert 0 <= annotator.get(f"/api/assignments/{lease['assignment']}/prediction").json()["label"] < 10
    path, headers = f"/api/assignments/{lease['assignment']}/submission", {"Idempotency-Key": "once"}
    assert annotator.post(path, json={"fence": lease["fence"], "label": 3}, headers=headers).status_code == 201
    labels = f"/api/projects/{projects['digits']}/labels"
    assert annotator.get(labels).status_code == 403  # until the operator makes them a reviewer, too
    said = CliRunner().invoke(
        app, ["users", "grant", "annotator", "digits", "reviewer", "--service", str(running.folder)]
    )
    assert said.exit_code == 0, said.output
    while not (found := annotator.get(labels).json()["items"]):
        pass
    assert [(each["item"], each["label"]) for each in found] == [(lease["item"], 3)]


def test_the_admin_has_to_choose_a_password_first(running: Running) -> None:
    admin = running.client("admin")
    assert admin.get("/api/me").json()["must_change"]
    assert admin.get("/api/users").status_code == 403


def test_the_secret_is_its_owners_alone(running: Running) -> None:
    assert running.folder.stat().st_mode & 0o777 == 0o700
    assert "chmod" not in running.said
    assert (running.folder / "secret").stat().st_mode & 0o077 == 0


def test_memory_stays_flat_whatever_is_sent(running: Running) -> None:
    """Half a gigabyte, in bodies that never end, deep JSON and archives: refused, and none of it kept."""
    annotator = running.client("annotator")
    json_ = {"Content-Type": "application/json"}

    def ask(content: object, kind: dict[str, str], path: str = "/api/session") -> int:
        try:
            return annotator.post(path, content=content, headers=kind).status_code  # type: ignore[arg-type]
        except (httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError):
            return 413  # the server hung up while the rest was still coming

    ask(b"{}", json_)
    before = running.most_memory()
    for _ in range(8):
        assert ask((b"[" * 65_536 for _ in range(1_000)), json_) == 413
        assert ask(b"[" * 1_000_000, json_) == 400
        assert ask(_bomb(), {"Content-Type": "application/zip"}, "/api/projects/1/import") == 403
    assert running.most_memory() - before < 64 * 2**20


def test_a_huge_header_is_refused(running: Running) -> None:
    with socket.create_connection(("127.0.0.1", int(running.url.rpartition(":")[2])), timeout=60) as connection:
        connection.sendall(b"GET /api/health HTTP/1.1\r\nHost: x\r\nX-Large: " + b"x" * 1_000_000 + b"\r\n\r\n")
        assert b" 400 " in connection.recv(100)


def test_a_port_that_is_taken_is_said_to_be(running: Running, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "alframe", "serve", "--service", str(tmp_path), "--port"]
    done = subprocess.run([*command, running.url.rpartition(":")[2]], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--port" in done.stderr
    assert not list(tmp_path.iterdir())


def test_what_was_acknowledged_is_there_after_ctrl_c(tmp_path: Path) -> None:
    """Stopped between two answers; ``running`` is stopped by SIGTERM."""
    answered = []
    (tmp_path / "service").mkdir(0o755)
    with serving(tmp_path / "service", "--demo") as started:
        assert "chmod 700" in started.said
        annotator = started.client("annotator")
        for number in range(3):
            lease = annotator.post("/api/projects/1/leases").json()
            path, headers = f"/api/assignments/{lease['assignment']}/submission", {"Idempotency-Key": f"key {number}"}
            answered.append(annotator.post(path, json={"fence": lease["fence"], "label": 1}, headers=headers).json())
        assert started.stop(signal.SIGINT) == INTERRUPTED
    database = open_service(f"sqlite:///{tmp_path / 'service' / 'service.sqlite'}")
    with database.read() as session:
        kept = session.scalars(select(SubmissionRow.id).order_by(SubmissionRow.id)).all()
    database.close()
    assert kept == [each["submission"] for each in answered]


def _bomb() -> bytes:
    buffer = BytesIO()
    with ZipFile(buffer, "w") as archive:
        archive.writestr("../slip.png", bytes(2**20))
    return buffer.getvalue()
