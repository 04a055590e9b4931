"""docs/production.md, command by command."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from alframe.cli import app
from alframe.cli.continuing import opened_again
from alframe.learners import Learners
from alframe.registry import PromotionLog
from alframe.scoring import predict
from alframe.storage import load_record, open_database, sqlite_url
from alframe.strategy import required
from alframe.trigger import TriggerLog
from alframe.types import Decision

STORY = Path(__file__).parents[1] / "docs/production.md"
RUN = Path("runs/line")


def commands(block: str) -> list[list[str]]:
    return [shlex.split(line) for line in block.replace("\\\n", " ").splitlines() if line.strip()]


def tell(story: str) -> list[str]:
    """Run every block of the story, in its order, and return what the commands said."""
    said = []
    for language, block in re.findall(r"```(bash|python)\n(.*?)```", story, flags=re.DOTALL):
        if language == "python":
            exec(compile(block, str(STORY), "exec"), {})  # noqa: S102 (our own page)
            continue
        for program, *words in commands(block):
            assert program == "alframe"
            result = CliRunner().invoke(app, words)
            assert result.exit_code == 0, (words, result.output)
            said.append(result.output)
    return said


def decision(round: int) -> Decision:
    return load_record(RUN / f"round-{round:03d}/decision.json", Decision)


def accuracy_on_what_arrived(round: int) -> float:
    with opened_again(RUN, []) as cycle:
        learner = Learners(cycle.make_learner, cycle.journal).of(round)
        arrived = np.arange(cycle.pool.first, len(cycle.pool.table))
        found = predict(learner, cycle.data, arrived, {"probs"}, cycle.make_trainer, seed=0)
        truth = cycle.pool.table.labels[arrived]
        return float((required(found, "probs").argmax(axis=1) == truth).mean())


def test_the_story_is_true(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drift begins a cycle that asks about what drifted; the better one is promoted, the bad one not; and back."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["alframe"])
    tell(STORY.read_text(encoding="utf-8"))

    database = open_database(sqlite_url(RUN / "run.sqlite"))
    drift = [entry for entry in TriggerLog(database).entries() if entry.cause.trigger == "drift"]
    assert [entry.outcome for entry in drift] == ["starts round 1", "not due"]
    query = (RUN / "round-001/query.json").read_text()
    assert query.count("arrived/") == 100

    first, second, third = (decision(round) for round in range(3))
    assert [each.promoted for each in (first, second, third)] == [True, True, False]
    assert third.verdict == "worse"
    promotions = [(each.kind, each.round, each.former) for each in PromotionLog(database).entries()]
    assert promotions == [("promotion", 0, None), ("promotion", 1, 0), ("rollback", 0, 1)]
    assert accuracy_on_what_arrived(1) > accuracy_on_what_arrived(0) + 0.3
