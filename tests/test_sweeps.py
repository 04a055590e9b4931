"""Sweeps through Hydra's launchers: side by side on this machine's cores, or as jobs of a cluster."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir

from alframe.cli import CONFIGS

TINY = ["cycle.initial=20", "cycle.batch=10", "cycle.rounds=1", "training.epochs=1", "training.epoch_size=64"]
WITHOUT_PLUGINS = """
import sys
sys.modules["hydra_plugins"] = None
from alframe.cli import main
main()
"""


def launcher(name: str) -> Any:
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        return compose("config", overrides=[f"hydra/launcher={name}"], return_hydra_config=True).hydra.launcher


def test_runs_side_by_side(tmp_path: Path) -> None:
    """Each run has its folder and finishes; each line says whose it is."""
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    options = ["-m", "hydra/launcher=cores", "hydra.launcher.n_jobs=2", *TINY, "seed=0,1", "strategy=random"]
    command = [sys.executable, "-m", "alframe", "run", *options]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    folders = sorted((tmp_path / "sweeps/digits").glob("*/curve.csv"))
    assert len(folders) == 2
    for curve in folders:
        lines = [line for line in done.stdout.splitlines() if line.startswith(f"{curve.parent.name} ")]
        assert sum(" round " in line for line in lines) == 2
        assert "rounds are done" in lines[-1]
    assert len(done.stdout.splitlines()) == 8


@pytest.mark.parametrize("name", ["cores", "slurm"])
def test_without_its_plugin_a_launcher_says_what_to_install(name: str, tmp_path: Path) -> None:
    """One message with the extra, and no traceback."""
    command = [sys.executable, "-c", WITHOUT_PLUGINS, "run", "-m", f"hydra/launcher={name}", "seed=0,1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"pip install 'alframe[{name}]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_cores_are_joblib() -> None:
    """The plugin's settings stand behind ours."""
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    settings = launcher("cores")
    assert settings._target_.endswith("JoblibLauncher")
    assert settings.n_jobs == -1


def test_jobs_of_slurm_go_on_when_their_time_is_up() -> None:
    """A run that is started again goes on, so a job that ran out of time is worth queueing again."""
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    settings = launcher("slurm")
    assert settings._target_.endswith("SlurmLauncher")
    assert settings.max_num_timeout > 0
    assert settings.tasks_per_node == settings.nodes == 1
