"""Whole cycles under each way of training, and one that is interrupted at each step of its last round."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny

from alframe.replay import Replay
from alframe.replay.base import because
from alframe.run import run
from alframe.storage import Journal, open_database
from alframe.training import DarkExperience, Distillation, FineTune, Training
from alframe.types import Predictions

STEPS: dict[str, Any] = {"epochs": 1, "first_epochs": 2, "epoch_size": 32}
TRAININGS = [
    FineTune(**STEPS),
    FineTune(**STEPS, freeze="conv1", layer_decay=0.5, shrink=0.5, noise=0.1),
    FineTune(**STEPS, regularizer=Distillation()),
    FineTune(**STEPS, regularizer=DarkExperience()),
]


class FirstFew(Replay):
    """Keeps the first samples of the table."""

    def choose(self, old: Predictions, capacity: int, rng: np.random.Generator) -> dict[int, str]:  # noqa: ARG002
        return because(np.arange(len(old))[:capacity], "first")


class Killed(BaseException):
    """Nothing that a run would catch."""


def digests(folder: Path) -> dict[tuple[int, str], str | None]:
    """Of what each step wrote."""
    journal = Journal(open_database(f"sqlite:///{folder / 'run.sqlite'}"), folder)
    return {(entry.round, entry.step): entry.sha256 for entry in journal.entries()}


@pytest.mark.parametrize("training", TRAININGS)
def test_a_cycle_under_each_way_of_training(training: Training, tmp_path: Path) -> None:
    """It runs to its end with as many weights as rounds, and each round's are others."""
    run(tiny.parts(training=training), tmp_path, tiny.CONFIG)
    weights = [digest for (_, step), digest in digests(tmp_path).items() if step == "train"]
    assert len(set(weights)) == 3


def test_a_run_that_is_interrupted_ends_like_one_that_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replay is capped, and what was recalled, the champion and its classes are read again from the run's folder."""
    changes: dict[str, Any] = {
        "training": FineTune(**STEPS, regularizer=DarkExperience()),
        "replay": FirstFew(capacity=4),
    }
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    run(tiny.parts(**changes), undisturbed, tiny.CONFIG)
    real = Journal._record
    for step in ("replay", "recall", "train", "evaluate"):

        def kill(self: Journal, row: Any, step: str = step) -> None:
            if (row.round, row.step) == (2, step):
                raise Killed
            real(self, row)

        monkeypatch.setattr(Journal, "_record", kill)
        with pytest.raises(Killed):
            run(tiny.parts(**changes), killed, tiny.CONFIG)
    monkeypatch.setattr(Journal, "_record", real)
    run(tiny.parts(**changes), killed, tiny.CONFIG)
    assert (2, "recall") in digests(killed)
    assert digests(killed) == digests(undisturbed)
