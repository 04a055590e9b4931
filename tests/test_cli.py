from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from alframe.cli import INTERRUPTED, app

TINY = ["cycle.initial=20", "cycle.batch=10", "cycle.rounds=1", "training.epochs=1", "training.epoch_size=64"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["alframe"])
    monkeypatch.setenv("COLUMNS", "120")
    return tmp_path


def alframe(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def said(result: Result) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", result.output)


def test_run_on_the_embedded_digits(folder: Path) -> None:
    """The defaults run offline and leave the configuration, the ledger, the log, the curve and a page."""
    result = alframe("run", *TINY)
    assert result.exit_code == 0, said(result)
    run = folder / "runs/digits-entropy-seed0"
    for name in ("config.yaml", "run.sqlite", "alframe.log", "curve.csv", "curve.png", "report.html"):
        assert (run / name).stat().st_size > 0
    assert len((run / "curve.csv").read_text().splitlines()) == 3
    assert "report.html" in said(result)
    assert "30 labels" in said(result)


def test_quiet_prints_nothing(folder: Path) -> None:
    """With -q a run that goes well is silent; the log file is written all the same."""
    result = alframe("run", "-q", *TINY)
    assert result.exit_code == 0
    assert said(result) == ""
    assert (folder / "runs/digits-entropy-seed0/alframe.log").read_text().count("round finished") == 2


def test_another_configuration_in_the_same_folder_is_refused(folder: Path) -> None:
    """The difference is shown, and what to do; the run that is there is not touched."""
    alframe("run", "-q", *TINY)
    before = (folder / "runs/digits-entropy-seed0/curve.csv").read_text()
    result = alframe("run", *TINY, "learner.dropout=0.25")
    assert result.exit_code == 2
    assert "learner.dropout: 0.5 -> 0.25" in said(result)
    assert "Error executing job" not in said(result)
    assert "name=" in said(result)
    assert (folder / "runs/digits-entropy-seed0/curve.csv").read_text() == before


def test_sweep_and_compare(folder: Path) -> None:
    """A sweep puts each run into a folder of its own; compare makes a table, CSV, PNG and page of them."""
    result = alframe("run", "-m", "-q", *TINY, "strategy=random,margin", "seed=0,1")
    assert result.exit_code == 0, said(result)
    assert len(list((folder / "sweeps/digits").glob("*/run.sqlite"))) == 4
    compared = alframe("compare", "sweeps/digits", "--target", "0.5")
    assert compared.exit_code == 0, said(compared)
    assert "margin" in said(compared)
    for name in ("report.html", "compare.csv", "compare.png"):
        assert (folder / "sweeps/digits" / name).stat().st_size > 0


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("strategy=entropyy", "did you mean strategy/entropy"),
        ("learner/posterior=mcdropout", "did you mean learner/posterior/mc_dropout"),
        ("strategi=entropy", "did you mean strategy"),
        ("data=surface_defects learner=detector learner/posterior=none", "did you mean learner/detector/posterior"),
        ("data=coco", "data.root has no value"),
        ("data=surface_defects learner=detector strategy=bald", "strategies for boxes begin with box_"),
        ("data=surface_defects learner=detector strategy=expected_misses", "learner/detector/posterior=ensemble"),
        ("data=surface_defects learner=segmenter strategy=box_entropy", "strategies for pixels begin with pixel_"),
        ("data=surface_defects learner=segmenter learner.dropout=0", "learner/segmenter/posterior=none"),
        ("learner=detector", "data=surface_defects"),
        ("cycle.round=3", "did you mean cycle.rounds"),
        ("candidates=seals embeddings=pretrained", "candidates=seals embeddings@candidates.embeddings=pretrained"),
        ("index=hnsw embeddings=pretrained", "candidates=seals index@candidates.index=hnsw"),
        ("engine=ray", "the configuration has no 'engine'"),
        ("+cycle.round=3", "did you mean cycle.rounds"),
        ("+sed=3", "did you mean seed"),
        ("data=mnist data.rot=x", "did you mean data.root"),
        ("oracle=noisy oracle.annotator=x", "did you mean oracle.annotators"),
        ("learner.optimizer.lr=-1.0", "Invalid learning rate"),
        ("cycle.rounds=1e1", "cycle.rounds=10.0 is no right value"),
        ("cycle.rounds=many", "cycle.rounds='many' is no right value"),
        ("learner.dropout=2", "learner.dropout must lie in [0, 1)"),
        ("cycle.initial=0", "cycle.initial must be at least 1, got 0"),
        ("trainer.precision=16", "'16-mixed'"),
        ("data=image_folder", "data.root"),
        ("strategy=entropy,random", "strategy"),
    ],
)
def test_mistakes_get_one_message_and_no_traceback(override: str, message: str, folder: Path) -> None:
    """Unknown keys and choices are answered with the nearest right name, wrong values with what is right."""
    result = alframe("run", *override.split())
    assert result.exit_code == 2, said(result)
    assert message in said(result)
    assert "Traceback" not in said(result)
    assert not list(folder.rglob("run.sqlite"))
    assert not list(folder.glob("runs/*"))


def test_compare_without_runs_says_where_it_looked() -> None:
    """A folder without runs is no traceback either."""
    result = alframe("compare", "nowhere")
    assert result.exit_code == 2
    assert "nowhere" in said(result)


def test_help_names_the_commands_and_every_choice() -> None:
    """A newcomer finds the commands on one page, and on the other all groups, their choices and the keys."""
    first = said(alframe("--help"))
    assert "run" in first
    assert "compare" in first
    page = said(alframe("run", "--help"))
    for word in (
        "strategy: alfa_mix, badge",
        "stopping: all_of, any_of",
        "data: cifar10",
        "learner/posterior: ensemble, evidential",
        "rounds: 10",
        "-m",
    ):
        assert word in page


def test_version() -> None:
    """The installed version."""
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", said(alframe("--version")))


def test_ctrl_c_leaves_a_run_that_goes_on(folder: Path) -> None:
    """SIGINT while training: one message with the command to repeat, nothing half-written, and the run goes on."""
    options = ["run", *TINY, "training.epochs=20"]
    command = [sys.executable, "-u", "-m", "alframe", *options]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Tests that run in the background have SIGINT ignored, and pass that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("round   0"):
            process.send_signal(signal.SIGINT)
            break
    _, errors = process.communicate(timeout=60)
    run = folder / "runs/digits-entropy-seed0"
    assert process.returncode == INTERRUPTED
    assert "alframe run cycle.initial=20" in errors
    assert "Traceback" not in errors
    assert not list(run.rglob(".unfinished-*"))
    first = (run / "round-000/weights.safetensors").read_bytes()
    assert alframe(*options).exit_code == 0
    assert (run / "round-000/weights.safetensors").read_bytes() == first
    assert len((run / "curve.csv").read_text().splitlines()) == 3
