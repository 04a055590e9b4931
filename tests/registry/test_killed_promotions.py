from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from alframe.registry import MlflowRegistry, PromotionLog, holders
from alframe.registry.mlflow_registry import STORE
from alframe.storage import Journal, file_sha256, open_database, sqlite_url

pytest.importorskip("mlflow")


def test_killed_at_every_step_journal_registry_and_promotion_log_agree(tmp_path: Path) -> None:
    """SIGKILL before the row of every step, and after each change of MLflow's store and of the promotion log.

    In the end each round has one version with the journal's weights, and the aliases are those of the log.
    """
    with MlflowRegistry(tmp_path)._mlflow():
        assert (tmp_path / STORE).exists()
    script = Path(__file__).parents[1] / "kill_with_mlflow.py"
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) == 19 + 16 + 19
    engine = open_database(sqlite_url(tmp_path / "run.sqlite"))
    log, journal, registry = PromotionLog(engine), Journal(engine, tmp_path), MlflowRegistry(tmp_path)
    assert [(entry.round, entry.former) for entry in log.entries()] == [(0, None), (2, 0)]
    with registry._mlflow() as client:
        (model,) = client.search_registered_models()
        versions = {int(found.tags["alframe.round"]): found for found in client.search_model_versions("name = 'tiny'")}
        assert len(client.search_model_versions("name = 'tiny'")) == 3
        assert len(client.search_runs([client.get_experiment_by_name("tiny").experiment_id])) == 3
    for round, found in versions.items():
        assert found.tags["sha256.weights.safetensors"] == file_sha256(journal.path(round, "train"))
        registry.verify(str(found.version))
    there = {alias: str(version) for alias, version in model.aliases.items()}
    assert there == {a: str(versions[r].version) for a, r in holders(log, versions).items() if r is not None}
    assert set(there) == {"champion", "previous"}
