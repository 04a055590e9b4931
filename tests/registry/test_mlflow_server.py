from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from typer.testing import CliRunner

from alframe.cli import app
from alframe.registry import MlflowRegistry
from alframe.registry.mlflow_registry import STORE

pytest.importorskip("mlflow")

TINY = ["cycle.initial=20", "cycle.batch=10", "cycle.rounds=1", "training.epochs=1", "training.epoch_size=64"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """An MLflow server on this machine's loopback, with a store and files of its own."""
    folder = tmp_path / "server"
    folder.mkdir()
    with MlflowRegistry(folder)._mlflow():
        assert (folder / STORE).exists()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{folder / STORE}", "--artifacts-destination", str(folder / "files")),
    ]
    environment = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=folder, start_new_session=True)
        try:
            uri = f"http://127.0.0.1:{port}"
            wait_until_healthy(uri, process, folder / "log")
            yield uri
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_until_healthy(uri: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        assert process.poll() is None, log.read_text()
        try:
            urlopen(f"{uri}/health", timeout=5).close()  # noqa: S310 (loopback)
        except OSError:
            time.sleep(0.2)
        else:
            return
    pytest.fail(log.read_text())


def alframe(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    text = re.sub(r"\x1b\[[0-9;]*m", "", result.output)
    assert result.exit_code == 0, text
    return text


def test_a_run_on_a_team_s_server(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run registers each version there, over HTTP alone; `alframe models` changes the champion and the aliases."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["alframe"])
    alframe("run", "-q", *TINY, "registry=mlflow", f"registry.uri={server}", "name='Größe 1/2'", "hydra.run.dir=run")
    registry = MlflowRegistry(tmp_path / "run", uri=server)
    assert not (tmp_path / "run" / STORE).exists()

    def aliases() -> dict[str, int]:
        with registry._mlflow() as client:
            (model,) = client.search_registered_models()
            assert model.name == "Größe 1-2"
            rounds = {found.version: int(found.tags["alframe.round"]) for found in client.search_model_versions()}
            return {alias: rounds[version] for alias, version in model.aliases.items()}

    assert aliases() == {"champion": 1, "previous": 0}
    for version in ("1", "2"):
        registry.verify(version)
    assert re.search(r"1 +champion +30", alframe("models", "list", "run"))
    assert "round 0 is champion again" in alframe("models", "rollback", "run", "--reason", "complaints")
    assert aliases() == {"champion": 0, "challenger": 1}
    assert "round 1 is champion" in alframe("models", "promote", "run", "1", "--reason", "it was right")
    assert aliases() == {"champion": 1, "previous": 0}
