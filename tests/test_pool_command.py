"""``alframe pool``: what arrives in a run, from the command line to the next cycle."""

from __future__ import annotations

import inspect
import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from arriving import save
from typer.testing import CliRunner, Result

from alframe import progress
from alframe.arrivals import NEAR, Arrivals
from alframe.cli import INTERRUPTED, app
from alframe.cli.pool import add
from alframe.data import Digits
from alframe.storage import load_record, open_database, read_predictions, sqlite_url
from alframe.storage.run_folder import DATABASE
from alframe.types import Query

RUN = Path("runs/short")
TINY = [
    *("name=short", "cycle.initial=20", "cycle.batch=3", "cycle.rounds=0", "training.epochs=1"),
    *("training.epoch_size=64", "strategy=reported"),
]


def alframe(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def said(result: Result) -> str:
    return " ".join(re.sub(r"\x1b\[[0-9;]*m", "", result.output).split())


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of one round on the digits; each test has a copy."""
    folder = tmp_path_factory.mktemp("begun")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["alframe"])
        result = alframe("run", "-q", *TINY)
    assert result.exit_code == 0, said(result)
    return folder


@pytest.fixture(autouse=True)
def folder(begun: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(begun / "runs", tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["alframe"])
    monkeypatch.setattr(progress.console, "_width", 160)  # COLUMNS is read once, when the console is made
    return tmp_path


def offered(folder: Path, count: int = 3) -> Path:
    """A table of digits that nobody has seen, said to be sevens by users who were told eight."""
    rng = np.random.default_rng(5)
    rows = ["path,label,group,predicted,confidence,comment"]
    for number in range(count):
        save(folder / f"failures/{number}.png", rng.integers(0, 256, (8, 8), dtype=np.uint8))
        rows.append(f"{number}.png,7,till {number},8,0.9,it is a seven")
    table = folder / "failures/failures.csv"
    table.write_text("\n".join(rows), encoding="utf-8")
    return table


def arrivals() -> Arrivals:
    return Arrivals(open_database(sqlite_url(RUN / DATABASE)), RUN)


def test_failures_come_back_and_the_next_cycle_asks_for_them(folder: Path) -> None:
    """Added with their evidence, listed, queried first, and labelled by the oracle that was told."""
    result = alframe("pool", "add", RUN, offered(folder))
    assert result.exit_code == 0, said(result)
    assert re.search(r"added . 3", said(result))
    assert f"alframe cycle {RUN}" in said(result)
    listed = said(alframe("pool", "list", RUN))
    for words in ("unlabelled", "feedback 1", "8 0.90", "till 2", "it is a seven", "3 arrived in runs/short"):
        assert words in listed
    assert alframe("cycle", RUN, "-q").exit_code == 0
    names = {row.sample_id for row in arrivals().rows()}
    assert set(load_record(RUN / "round-001/query.json", Query).ids) == names
    assert said(alframe("pool", "list", RUN)).count("labelled 7") == 3


def test_what_arrived_is_scored_with_the_pool(folder: Path) -> None:
    """As long as nobody has labelled it, and with the model of its round, which knows the classes of its time."""
    alframe("pool", "add", RUN, offered(folder), "--new-class", "seven")
    names = {row.sample_id for row in arrivals().rows()}
    assert alframe("score", f"model={RUN}", "output=before", "-q").exit_code == 0
    before = read_predictions(Path("before"))
    assert names <= set(before.ids)
    assert before.probs is not None
    assert before.probs.shape[1] == 10
    assert alframe("cycle", RUN, "-q").exit_code == 0
    result = alframe("score", f"model={RUN}", "output=after", "-q")
    assert result.exit_code == 0, said(result)
    after = read_predictions(Path("after"))
    assert after.probs is not None
    assert after.probs.shape[1] == 11
    assert set(before.ids) - set(after.ids) == names


def test_what_is_not_added_is_named_with_its_reason(folder: Path) -> None:
    """On the screen and in the log: a duplicate of an arrival, one of the run's own images, no image at all."""
    table = offered(folder, count=1)
    alframe("pool", "add", RUN, table)
    digits = Digits()
    save(folder / "failures/known.png", digits.read(4)[..., 0])
    (folder / "failures/drawing.png").write_text("<svg/>")
    result = alframe("pool", "add", RUN, folder / "failures")
    assert result.exit_code == 0, said(result)
    assert f"known.png: the run began with the same image ({digits.table.ids[4]})" in said(result)
    assert "0.png: the same file arrived before (arrived/" in said(result)
    assert "drawing.png: not an image in a format that is read" in said(result)
    logged = [json.loads(line) for line in (RUN / "alframe.log").read_text().splitlines()]
    verdicts = [line["verdict"] for line in logged if line["message"] == "image offered"]
    assert verdicts == ["added", "duplicate", "refused", "duplicate"]
    assert said(result).count("known already; evidence added: ") == 2
    again = said(alframe("pool", "add", RUN, folder / "failures"))
    assert "evidence added" not in again
    assert again.count("known already: ") == 2


def test_a_table_with_a_mistake_adds_nothing(folder: Path) -> None:
    """It is refused as a whole, with its line, so that it can be corrected and given again."""
    table = offered(folder)
    table.write_text(table.read_text().replace("2.png,7", "2.png,seven"))
    result = alframe("pool", "add", RUN, table)
    assert result.exit_code == 2
    assert "failures.csv, line 4: label 'seven' is none of the classes 0, 1, 2" in said(result)
    assert arrivals().count() == 0
    assert alframe("pool", "add", RUN, table, "--new-class", "seven").exit_code == 0
    assert arrivals().reports()[2].label == 10
    assert "8, 9, seven" in said(alframe("pool", "list", RUN))


def test_a_class_that_has_no_weight_is_refused(folder: Path) -> None:
    """Where the learner's weights were given as numbers: every later cycle would be refused. Known classes come in."""
    config = yaml.safe_load((RUN / "config.yaml").read_text())
    config["learner"]["class_weights"] = [1.0] * 10
    (RUN / "config.yaml").write_text(yaml.safe_dump(config))
    table = offered(folder)
    result = alframe("pool", "add", RUN, table, "--new-class", "seven")
    assert result.exit_code == 2
    assert "none for seven: begin a run with learner.class_weights=balanced" in said(result)
    assert (arrivals().count(), arrivals().new_classes()) == (0, ())
    assert alframe("pool", "add", RUN, table, "--new-class", "7").exit_code == 0


def test_after_ctrl_c_what_was_added_stays(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command says how to go on, and goes on."""
    table = offered(folder)
    seen: list[Any] = []
    real = Arrivals._keep

    def interrupted(self: Arrivals, *picture: Any) -> None:
        if len(seen) == 2:
            raise KeyboardInterrupt
        seen.append(picture)
        real(self, *picture)

    with monkeypatch.context() as patch:
        patch.setattr(Arrivals, "_keep", interrupted)
        result = alframe("pool", "add", RUN, table)
    assert result.exit_code == INTERRUPTED
    assert "What was finished is kept" in said(result)
    assert arrivals().count() == 2
    assert alframe("pool", "add", RUN, table).exit_code == 0
    assert arrivals().count() == 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere", "failures"], "nowhere is not the folder of a run"),
        ([RUN, "nowhere"], "cannot open the table nowhere"),
        ([RUN, "failures", "--kind", "rumour"], "kind must be one of feedback"),
        ([RUN, "failures", "--weight", "-1"], "weight must be a number from 0 up"),
        ([RUN, "failures", "--distance", "64"], "must lie in 0..63"),
    ],
)
def test_mistakes_end_in_one_message(folder: Path, words: list[object], message: str) -> None:
    """And change nothing."""
    offered(folder)
    result = alframe("pool", "add", *words)
    assert result.exit_code == 2
    assert message in said(result)
    assert arrivals().count() == 0


def test_a_run_whose_data_changed_takes_nothing(folder: Path) -> None:
    """What is a duplicate, and which class is which, could not be told."""
    config = RUN / "config.yaml"
    config.write_text(re.sub("data_sha256: .*", "data_sha256: other", config.read_text()))
    result = alframe("pool", "add", RUN, offered(folder))
    assert result.exit_code == 2
    assert "no longer what the run in runs/short began with" in said(result)


def test_the_commands_distance_is_the_librarys() -> None:
    """Said twice, so that the command need not import what measures it."""
    assert inspect.signature(add).parameters["distance"].default == NEAR
