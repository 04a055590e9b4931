"""Runs a tiny cycle with MLflow's registry that is killed (SIGKILL) at each step and between all changes of the store.

Usage: python kill_with_mlflow.py FOLDER

FOLDER has an MLflow store, which takes seconds to make. After each kill it is read as others see it: its champion is
the one that the promotion log names, or the one before. As in ``kill_at_every_step``, the parent never computes.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tiny
from kill_at_every_step import KILLED, kill_when

from alframe import progress
from alframe.gate import Gate, Trial
from alframe.registry import MlflowRegistry, PromotionLog
from alframe.registry.mlflow_registry import STORE
from alframe.run import run
from alframe.types import Decision

SEED = 5
ASKING = ("begin", "predict", "query", "ask", "collect", "replay", "train", "evaluate", "gate")
KEEPING = ("create_run", "log_artifacts", "set_terminated", "create_model_version")
SET, DELETE = "set_registered_model_alias", "delete_registered_model_alias"
MOMENTS = (
    (*ASKING, "create_registered_model", "create_experiment", *KEEPING, "register", "log", SET, "promote"),
    (*ASKING, *KEEPING, "register", SET, "promote"),
    (*ASKING, *KEEPING, "register", "log", SET, SET, DELETE, "promote"),
)
"""When each round is killed: before the row of a step, or after a change of the store or the promotion log."""


class Coin(Gate):
    """Promotes by the toss of a coin, the same each time: with this seed not in round 1."""

    compares = False

    def decide(self, trial: Callable[[], Trial], rng: np.random.Generator) -> Decision:  # noqa: ARG002 (a coin)
        promoted = bool(rng.random() < 0.9)
        return Decision("better" if promoted else "worse", promoted=promoted, reason="a coin")


def attempt(folder: Path, prepare: Callable[[], None] = lambda: None) -> int:
    """Start the run in a process of its own, after ``prepare``; its exit code, negative for a signal."""
    process = os.fork()
    if process == 0:
        prepare()
        progress.be_quiet(True)
        run(tiny.parts(seed=SEED, registry=MlflowRegistry, gate=Coin()), folder, tiny.CONFIG)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def kill_at(round: int, moment: str) -> None:
    """Arrange for this process to be killed before the row of a step, or after a change."""
    if moment in (*ASKING, "register", "promote"):
        # The step train does the step replay, if it is not done, and a kill is armed for one step alone.
        kill_when(round, moment, "row written" if moment == "replay" else "work done, no row")
        return
    from mlflow import MlflowClient

    changed, name = (PromotionLog, "promote") if moment == "log" else (MlflowClient, moment)
    real = getattr(changed, name)

    def fatal(*arguments: Any, **options: Any) -> None:
        real(*arguments, **options)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(changed, name, fatal)


def check_champion(folder: Path) -> None:
    """The champion of the store is that of the log, or the one before."""
    entries = read(folder / "run.sqlite", "SELECT round, former FROM promotions ORDER BY entry")
    champion = read(
        folder / STORE,
        "SELECT CAST(value AS INT) FROM registered_model_aliases JOIN model_version_tags USING (name, version) "
        "WHERE alias = 'champion' AND key = 'alframe.round'",
    )
    allowed = {() if round is None else ((round,),) for round in (entries[-1] if entries else (None,))}
    if tuple(champion) not in allowed:
        sys.exit(f"the log ends with {entries[-1:]}, and the store's champion is {champion}")


def read(database: Path, query: str) -> list[tuple[Any, ...]]:
    """What a SQLite database answers."""
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query).fetchall()


def main(folder: Path) -> None:
    """Every kill must happen, and the last attempt must end by itself."""
    import mlflow.store.tracking.sqlalchemy_store  # noqa: F401 (here, so that no attempt has to)

    kills = 0
    for round, moments in enumerate(MOMENTS):
        for moment in moments:
            code = attempt(folder, partial(kill_at, round, moment))
            if code != KILLED:
                sys.exit(f"not killed in round {round} at {moment}: exit code {code}")
            check_champion(folder)
            kills += 1
    if attempt(folder) != 0:
        sys.exit("the run that was killed did not end by itself")
    print(kills)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
