from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tiny
import yaml
from typer.testing import CliRunner, Result

from alframe.cli import app
from alframe.cli.continuing import changed, parts_of, stored
from alframe.continuation import advance, changes_of, unfinished
from alframe.cycle import Plan
from alframe.errors import ConfigurationError, DataError, LabelsPending
from alframe.oracle import Simulated
from alframe.replay import NewOnly
from alframe.report.run_folder import read_config
from alframe.run import opened, run
from alframe.stopping import LabelBudget, Never
from alframe.storage import load_record
from alframe.strategy import Margin, Random
from alframe.types import Annotation, Beginning, CurvePoint, Progress, Query, ReplayRecord

TINY = ["cycle.initial=20", "cycle.batch=10", "cycle.rounds=0", "training.epochs=1", "training.epoch_size=64", "name=a"]


class Silent(Simulated):
    def collect(self, query: Query) -> list[Annotation]:  # noqa: ARG002 (whatever is asked)
        return []


def begin(folder: Path, **changes: Any) -> Path:
    run(tiny.parts(cycle=Plan(initial=6, batch=4, rounds=1), **changes), folder, tiny.CONFIG)
    return folder


def more(folder: Path, cause: str = "by hand", key: str = "", **changes: Any) -> None:
    parts = tiny.parts(**({"cycle": Plan(initial=6, batch=4, rounds=1)} | changes))
    with opened(parts, folder, tiny.CONFIG) as cycle:
        advance(cycle, cause, key)


def beginnings(folder: Path) -> list[Beginning]:
    return [load_record(path, Beginning) for path in sorted(folder.glob("round-*/beginning.json"))]


def labels(folder: Path) -> list[int]:
    return [load_record(path, CurvePoint).labels for path in sorted(folder.glob("round-*/evaluation.json"))]


def test_a_cycle_more_begins_from_the_champion(tmp_path: Path) -> None:
    """Each call does one whole round, queried through the learner of the round before, and says why it began."""
    folder = begin(tmp_path)
    more(folder, "the weather")
    more(folder, "again", strategy=Margin())
    assert labels(folder) == [6, 10, 14, 18]
    assert [(each.base, each.cause) for each in beginnings(folder)] == [
        (None, "the run's plan"),
        (0, "the run's plan"),
        (1, "the weather"),
        (2, "again"),
    ]
    assert load_record(folder / "round-003/query.json", Query).strategy == "Margin"


def test_a_longer_plan_and_a_cycle_by_hand_decide_alike(tmp_path: Path) -> None:
    """Randomness is derived from the round: two cycles by hand are the two rounds that a longer plan would have had."""
    by_hand = begin(tmp_path / "hand")
    more(by_hand)
    planned = tmp_path / "plan"
    run(tiny.parts(cycle=Plan(initial=6, batch=4, rounds=2)), planned, tiny.CONFIG)
    for name in ("query.json", "weights.safetensors", "evaluation.json"):
        assert (by_hand / "round-002" / name).read_bytes() == (planned / "round-002" / name).read_bytes()


def test_a_request_is_met_once(tmp_path: Path) -> None:
    """The same key begins no second cycle; another key and no key do."""
    folder = begin(tmp_path)
    for key in ("monday", "monday", "", "", "tuesday", "monday"):
        more(folder, key=key)
    assert [each.key for each in beginnings(folder)] == ["", "", "monday", "", "", "tuesday"]


def test_a_cycle_that_waited_for_people_is_ended_and_not_begun_anew(tmp_path: Path) -> None:
    """What is interrupted stands as unfinished with its cause; the next call ends it."""

    class Late(Simulated):
        late = True

        def collect(self, query: Query) -> list[Annotation]:
            return [] if self.late and query.round == 2 else super().collect(query)

    folder = begin(tmp_path)
    with pytest.raises(LabelsPending):
        more(folder, "drift", oracle=Late)
    begun = unfinished(folder)
    assert begun is not None
    assert (begun.round, begun.cause) == (2, "drift")
    Late.late = False
    more(folder, "something else", oracle=Late)
    assert unfinished(folder) is None
    assert labels(folder) == [6, 10, 14]
    assert beginnings(folder)[2].cause == "drift"


def test_a_run_without_a_champion_has_nothing_to_go_on_from(tmp_path: Path) -> None:
    """The first round belongs to `alframe run`."""
    with pytest.raises(LabelsPending):
        begin(tmp_path, oracle=Silent)
    with pytest.raises(ConfigurationError, match="`alframe run` end its first round"):
        more(tmp_path)


def test_nothing_begins_when_labels_are_spent_or_the_pool_is_empty(tmp_path: Path) -> None:
    """The stopping rule is asked, and the pool looked at, before anything is fixed for a round."""
    folder = begin(tmp_path)
    more(folder, stopping=LabelBudget(labels=10))
    assert len(beginnings(folder)) == 2
    more(folder, strategy=Random(), cycle=Plan(initial=6, batch=100, rounds=1))
    more(folder)
    assert labels(folder) == [6, 10, 45]
    assert len(beginnings(folder)) == 3


def test_a_round_that_a_rule_ends_before_anybody_is_asked_begins_anew(tmp_path: Path) -> None:
    """Nothing is pinned: what arrives later, another rule and other changes count for the next cycle."""

    class AtQuery(Never):
        def reason(self, progress: Progress) -> str | None:
            return "not worth it" if progress.gain is not None else None

    folder = begin(tmp_path)
    for _ in range(2):
        more(folder, stopping=AtQuery(), strategy=Margin())
        assert unfinished(folder) is None
        assert not (folder / "round-002").exists()
    more(folder)
    assert labels(folder) == [6, 10, 14]


def test_what_a_cycle_began_with_changes_is_ended_by_a_cycle(tmp_path: Path) -> None:
    """`alframe run` knows nothing of them."""
    folder = begin(tmp_path)
    parts = tiny.parts(cycle=Plan(initial=6, batch=4, rounds=5), oracle=Silent)
    with pytest.raises(LabelsPending), opened(parts, folder, tiny.CONFIG) as cycle:
        cycle.go_on("by hand", changes=("cycle.batch=5",))
    with pytest.raises(ConfigurationError, match=r"cycle.batch=5.*`alframe cycle`"):
        run(tiny.parts(cycle=Plan(initial=6, batch=4, rounds=5)), folder, tiny.CONFIG)


def test_a_round_in_which_nothing_new_came_keeps_what_there_was(tmp_path: Path) -> None:
    """Everything that was asked for is set aside, and replay would keep nothing: the round ends all the same."""

    class Blind(Simulated):
        def collect(self, query: Query) -> list[Annotation]:
            return [self._annotation(name, query, "ann", None, "too dark") for name in query.ids]

    folder = begin(tmp_path)
    more(folder, oracle=Blind, replay=NewOnly())
    record = load_record(folder / "round-002/replay.json", ReplayRecord)
    assert record.new == ()
    assert set(record.kept.values()) == {"nothing new came"}
    assert len(record.kept) == 10


def test_an_empty_folder_is_no_run(tmp_path: Path) -> None:
    """The message says how to begin one."""
    with pytest.raises(DataError, match="`alframe run`"):
        unfinished(tmp_path)


@pytest.fixture(scope="module")
def first_round(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("digits")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["alframe"])
        assert alframe("run", "-q", *TINY, "strategy=two_stage").exit_code == 0
    return folder / "runs/a"


@pytest.fixture
def digits(first_round: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["alframe"])
    return shutil.copytree(first_round, tmp_path / "runs/a")


def alframe(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_a_cycle_changes_what_it_is_told_to_and_nothing_else(digits: Path) -> None:
    """Choices and values; the run's configuration stays, and the changes stand in the round's record."""
    before = (digits / "config.yaml").read_text()
    words = ("strategy=badge", "cycle.batch=7", "replay.new_weight=0.5", "training.epochs=2")
    result = alframe("cycle", "runs/a", *words, "--reason", "more of the rare ones")
    assert result.exit_code == 0, result.output
    assert labels(digits) == [20, 27]
    assert load_record(digits / "round-001/query.json", Query).strategy == "Badge"
    begun = beginnings(digits)[1]
    assert (begun.changes, begun.cause) == (words, "more of the rare ones")
    assert (digits / "config.yaml").read_text() == before
    config = read_config(digits)
    found = changed(config, words)
    was = {key: value for key, value in config.items() if key in found}
    assert {key for key in found if found[key] != was[key]} == {"strategy", "cycle", "replay", "training"}
    assert found["training"] == {**was["training"], "epochs": 2}
    inner = changed(config, ["strategy@strategy.choose=random"])["strategy"]
    assert {key for key in inner if inner[key] != was["strategy"][key]} == {"choose"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("seed=3", "a cycle cannot change seed"),
        ("learner.dropout=0.1", "a cycle cannot change learner.dropout"),
        ("cycle.gate=5", "a cycle cannot change cycle.gate"),
        ("registry=mlflow", "a cycle cannot change registry"),
        ("strategy=learning_loss", "only a run that begins with such a strategy"),
        ("cycle.bathc=5", "did you mean cycle.batch?"),
        ("training.epochs=many", "training.epochs='many'"),
        ("strategy=margn", "did you mean strategy/margin"),
    ],
)
def test_what_a_cycle_cannot_change_is_refused(digits: Path, change: str, message: str) -> None:
    """In one message; no round begins."""
    result = alframe("cycle", "runs/a", change)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
    assert len(beginnings(digits)) == 1


def test_a_run_that_predicts_its_loss_goes_on_with_any_strategy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its learners have the head for it in every round."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["alframe"])
    assert alframe("run", "-q", *TINY, "strategy=learning_loss").exit_code == 0
    for strategy in ("margin", "learning_loss"):
        result = alframe("cycle", "runs/a", f"strategy={strategy}")
        assert result.exit_code == 0, result.output
    assert labels(tmp_path / "runs/a") == [20, 30, 40]


def test_changes_may_change_until_people_are_asked(digits: Path) -> None:
    """A cycle that failed before that begins anew with others."""
    config = read_config(digits)
    words = ("cycle.batch=5",)
    failing = replace(parts_of(config, words), oracle=Unasked)
    with pytest.raises(DataError), opened(failing, digits, stored(config)) as cycle:
        advance(cycle, "by hand", changes=words)
    assert unfinished(digits) is not None
    assert changes_of(digits, ["cycle.batch=9"]) == ("cycle.batch=9",)
    assert unfinished(digits) is None


class Unasked(Simulated):
    def ask(self, query: Query, predictions: object = None) -> None:  # noqa: ARG002 (whatever is asked)
        raise DataError("nobody is there")


def test_an_interrupted_cycle_keeps_its_changes(digits: Path) -> None:
    """Other changes are refused while it is unfinished; without any it goes on with its own."""
    config = yaml.safe_load((digits / "config.yaml").read_text())
    words = ("cycle.batch=5",)
    parts = replace(parts_of(config, words), oracle=Silent)
    with pytest.raises(LabelsPending), opened(parts, digits, stored(config)) as cycle:
        advance(cycle, "by hand", changes=words)
    refused = alframe("cycle", "runs/a", "cycle.batch=9")
    assert refused.exit_code == 2
    assert "cycle.batch=5" in refused.output
    assert alframe("cycle", "runs/a").exit_code == 0
    assert labels(digits) == [20, 25]
