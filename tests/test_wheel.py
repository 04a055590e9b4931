from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The content of a wheel built from the checkout, in a folder elsewhere."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_the_wheel_carries_configurations_templates_and_migrations(unpacked: Path) -> None:
    """Every configuration file of the checkout is in the wheel, and so is what the package reads at run time.

    Of the labelling page it is what npm has built, where it has, and not what it was built from.
    """
    package = unpacked / "alframe"
    inside = {path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file()}
    configs = {path.relative_to(ROOT).as_posix() for path in (ROOT / "configs").rglob("*.yaml")}
    assert configs <= inside
    assert {"report/templates/run.html.jinja", "storage/migrations/env.py", "py.typed"} <= inside
    assert not any("test" in name for name in inside if name.endswith(".py"))
    static = ROOT / "alframe/server/static"
    page = {path.relative_to(ROOT / "alframe").as_posix() for path in static.rglob("*") if path.is_file()}
    assert page == {name for name in inside if name.startswith("server/static/")}
    assert not any(name.startswith("server/page/") for name in inside)


def test_the_wheel_runs_from_its_own_configurations(unpacked: Path, tmp_path: Path) -> None:
    """With the wheel's content first on the path, the command runs in another folder and reads none of the checkout."""
    environment = os.environ | {"PYTHONPATH": str(unpacked), "PYTHONSAFEPATH": "1"}
    where = "import alframe.cli; print(alframe.cli.CONFIGS)"
    found = subprocess.run([sys.executable, "-c", where], env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert Path(found.stdout.strip()) == unpacked / "alframe/configs"
    command = [sys.executable, "-m", "alframe", "run", "cycle.rounds=1", "training.epochs=1"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "runs/digits-entropy-seed0/report.html").is_file()
