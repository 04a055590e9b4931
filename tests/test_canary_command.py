"""Canaries of a run's model: what is recorded in its folder, and what becomes of its champion."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import tiny
from typer.testing import CliRunner, Result

from alframe.cli import app
from alframe.cycle import Plan
from alframe.errors import ConfigurationError, DataError, RunConflict
from alframe.gate import CanaryRecord, Rollout
from alframe.models import opened_models, promote, roll_out
from alframe.registry import LocalRegistry, PromotionLog
from alframe.run import run
from alframe.storage import hold_folder, load_record, open_database

CONFIG = tiny.CONFIG | {"registry": {"_target_": "alframe.registry.LocalRegistry", "_partial_": True}}
SMALL = Rollout(shares=(50.0, 100.0), samples=40, resamples=400)
OPTIONS = ["--stages", "50,100", "--samples", "40"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two rounds, each of which became champion."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    run(tiny.parts(cycle=Plan(initial=6, batch=4, rounds=1)), folder, CONFIG)
    return folder


@pytest.fixture
def folder(trained: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


def predictions(folder: Path, *, right: float, count: int = 400, name: str = "march") -> Path:
    """Of a champion that is right in 9 of 10 cases, and a challenger that is in this share."""
    rng = np.random.default_rng(0)
    lines = ["id,champion,challenger,truth"]
    for row, (ours, theirs) in enumerate(rng.random((count, 2))):
        lines.append(f"image/{row},{'pit' if ours < 0.9 else 'stain'},{'pit' if theirs < right else 'stain'},pit")
    path = folder.parent / f"{name}.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def log_of(folder: Path) -> PromotionLog:
    return PromotionLog(open_database(f"sqlite:///{folder / 'run.sqlite'}"))


def rolled(folder: Path, path: Path, **options: Any) -> CanaryRecord:
    return roll_out(folder, path, SMALL, make_registry=LocalRegistry, **options)


def alframe(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def said(result: Result) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", result.output)


def record_of(folder: Path) -> CanaryRecord:
    (path,) = (folder / "canary").glob("*.json")
    return load_record(path, CanaryRecord)


def test_a_good_challenger_stays_champion(folder: Path) -> None:
    """The command says so, and the record in the run's folder has every stage."""
    for _ in range(2):
        result = alframe("canary", folder, predictions(folder, right=0.9), *OPTIONS)
        assert result.exit_code == 0, said(result)
        assert "round 1 promoted: score 0." in said(result)
        assert "round 1 is champion" in said(result)
        record = record_of(folder)
        assert (record.status, record.challenger, len(record.stages)) == ("promoted", 1, 3)
        assert [entry.round for entry in log_of(folder).entries()] == [0, 1]


class Followed(LocalRegistry):
    """Remembers which champion it was told of."""

    champions: ClassVar[list[int | None]] = []

    def follow(self, log: PromotionLog) -> None:
        self.champions.append(log.champion)


def test_a_challenger_that_passes_becomes_champion_once(folder: Path) -> None:
    """The log says why, the registry follows, and a person's rollback afterwards stands."""
    promote(folder, 0, reason="meanwhile", make_registry=LocalRegistry)
    path = predictions(folder, right=0.9)
    record = roll_out(folder, path, SMALL, make_registry=Followed, challenger=1)
    assert (record.status, record.champion, Followed.champions) == ("promoted", 1, [1])
    last = log_of(folder).entries()[-1]
    assert (last.round, last.former, last.kind) == (1, 0, "promotion")
    assert last.reason == f"canary: {record.stages[-1].note}"
    promote(folder, 0, reason="complaints", make_registry=LocalRegistry)
    assert rolled(folder, path, challenger=1) == record
    assert log_of(folder).champion == 0


def test_killed_before_the_promotion_it_is_made_up_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And killed after it, the status is found to be true."""
    promote(folder, 0, reason="meanwhile", make_registry=LocalRegistry)
    path = predictions(folder, right=0.9)
    killed: list[tuple[type, str, int]] = [(PromotionLog, "promote", 0), (LocalRegistry, "follow", 1)]
    for kind, name, champion in killed:
        with monkeypatch.context() as patch:
            patch.setattr(kind, name, dying)
            with pytest.raises(KeyboardInterrupt):
                rolled(folder, path, challenger=1)
        assert (record_of(folder).status, log_of(folder).champion) == ("passed", champion)
    assert rolled(folder, path).status == "promoted"
    assert [entry.round for entry in log_of(folder).entries()] == [0, 1, 0, 1]


@pytest.mark.parametrize("challenger", [0, 1])
def test_nothing_is_promoted_over_a_champion_that_it_was_not_compared_with(folder: Path, challenger: int) -> None:
    """Another one became champion while the rollout went on: it is said, and stays so."""
    rolled(folder, predictions(folder, right=0.9, count=60), challenger=challenger)
    path = predictions(folder, right=0.9)
    with opened_models(folder) as models:
        models.log.promote(2, key="another", reason="of another round")
    with pytest.raises(RunConflict, match=f"round {challenger}, and by now round 2 is champion"):
        rolled(folder, path)
    for _ in range(2):
        record = rolled(folder, path, challenger=challenger)
        assert (record.status, record.champion, log_of(folder).champion) == ("passed", 2, 2)
        assert "nothing is promoted: round 2 has become champion" in record.note


def test_files_of_one_name_in_two_folders_are_two_rollouts(folder: Path) -> None:
    """As the predictions of each week are."""
    for week in ("week1", "week2"):
        (folder.parent / week).mkdir()
        path = predictions(folder, right=0.9).rename(folder.parent / week / "p.csv")
        rolled(folder, path)
    names = sorted(path.name.rsplit("-", 1)[0] for path in (folder / "canary").glob("*.json"))
    assert names == ["round-001-p", "round-001-p"]


def test_a_challenger_that_does_not_answer_is_wrong(folder: Path) -> None:
    """Right wherever it says something, and silent on a third: a regression, found in the shadow."""
    path = predictions(folder, right=1.0)
    header, *lines = path.read_text().splitlines()
    lines[::3] = [line.removesuffix("pit,pit") + ",pit" for line in lines[::3]]
    path.write_text("\n".join([header, *lines]) + "\n")
    record = rolled(folder, path)
    assert (record.status, len(record.stages)) == ("rolled back", 1)


def test_a_regression_rolls_the_champion_back_once(folder: Path) -> None:
    """The promotion log says why; the same command changes nothing more, even if somebody promotes it all the same."""
    path = predictions(folder, right=0.5)
    for _ in range(2):
        result = alframe("canary", folder, path, *OPTIONS)
        assert result.exit_code == 3, said(result)
        assert "round 1 rolled back: score 0." in said(result)
        assert "round 0 is champion again" in said(result)
        entries = log_of(folder).entries()
        assert [(entry.round, entry.kind) for entry in entries] == [(0, "promotion"), (1, "promotion"), (0, "rollback")]
        assert entries[-1].reason.startswith("canary: score 0.")
    promote(folder, 1, reason="the recording was wrong", make_registry=LocalRegistry)
    result = alframe("canary", folder, path, *OPTIONS)
    assert result.exit_code == 2
    assert "--challenger 1" in said(result)
    assert alframe("canary", folder, path, *OPTIONS, "--challenger", 1).exit_code == 3
    assert log_of(folder).champion == 1


def test_a_challenger_that_is_not_champion_is_left_where_it_is(folder: Path) -> None:
    """There is nothing to roll back."""
    record = rolled(folder, predictions(folder, right=0.5), challenger=0)
    assert (record.status, record.note) == (
        "regression",
        "nothing is rolled back: round 1 is champion, and not the challenger",
    )
    assert log_of(folder).champion == 1


def test_without_a_former_champion_the_first_one_stays(tmp_path: Path) -> None:
    """The record says what was found; a champion is never taken away without another."""
    folder = tmp_path / "run"
    run(tiny.parts(cycle=Plan(initial=6, batch=4, rounds=0)), folder, CONFIG)
    record = rolled(folder, predictions(folder, right=0.5))
    assert (record.status, log_of(folder).champion) == ("regression", 0)
    assert "there was none before it" in record.note


def test_killed_before_the_rollback_it_is_made_up_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record stands before the promotion log is changed; the next call changes it."""
    path = predictions(folder, right=0.5)
    with monkeypatch.context() as patch:
        patch.setattr(PromotionLog, "roll_back", dying)
        with pytest.raises(KeyboardInterrupt):
            rolled(folder, path)
    assert record_of(folder).status == "regression"
    assert log_of(folder).champion == 1
    assert rolled(folder, path).status == "rolled back"
    assert log_of(folder).champion == 0


def dying(*_arguments: object, **_options: object) -> None:
    raise KeyboardInterrupt


def test_it_pauses_and_goes_on_when_the_file_has_grown(folder: Path) -> None:
    """What has ended stands."""
    paused = rolled(folder, predictions(folder, right=0.9, count=60))
    assert (paused.status, len(paused.stages)) == ("paused", 2)
    record = rolled(folder, predictions(folder, right=0.9))
    assert (record.status, record.challenger) == ("promoted", 1)
    assert record.stages[0] == paused.stages[0]


def test_another_rollout_under_the_same_name_is_refused(folder: Path) -> None:
    """Other stages, or another challenger."""
    path = predictions(folder, right=0.9, count=60)
    rolled(folder, path)
    with pytest.raises(RunConflict, match="another name"):
        roll_out(folder, path, Rollout(), make_registry=LocalRegistry)
    with pytest.raises(RunConflict, match="another name"):
        rolled(folder, path, challenger=0)


def test_it_refuses_to_start_without_a_metric(folder: Path) -> None:
    """And records nothing."""
    path = folder.parent / "silent.csv"
    path.write_text("id,champion,challenger\nimage/1,pit,pit\n")
    result = alframe("canary", folder, path)
    assert result.exit_code == 2
    assert "no metric is attached" in said(result)
    assert not list((folder / "canary").glob("*.json"))


def test_mistakes_end_in_one_message(folder: Path, tmp_path: Path) -> None:
    """No run, no such round, stages that are none, a folder in use."""
    path = predictions(folder, right=0.9)
    with pytest.raises(DataError, match="not the folder of a run"):
        rolled(tmp_path / "nowhere", path)
    assert not (tmp_path / "nowhere").exists()
    with pytest.raises(ConfigurationError, match="no model '7'"):
        rolled(folder, path, challenger=7)
    result = alframe("canary", folder, path, "--stages", "five")
    assert result.exit_code == 2
    assert "5,25,100" in said(result)
    with hold_folder(folder / "canary"), pytest.raises(RunConflict, match="another process"):
        rolled(folder, path)
    with hold_folder(folder):  # while a cycle goes on
        assert rolled(folder, path).status == "promoted"
