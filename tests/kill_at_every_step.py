"""Runs a tiny cycle that is killed (SIGKILL) at each moment of each step, and started again each time.

Usage: python kill_at_every_step.py UNDISTURBED_FOLDER KILLED_FOLDER

The parent has imported everything and never computes, so that each attempt is a cheap and safe fork.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tiny

from alframe import progress
from alframe.data import Image
from alframe.errors import UnreadableImage
from alframe.run import run
from alframe.storage import Journal, artifacts, open_database
from alframe.strategy import Forgetting

KILLED = -signal.SIGKILL


class Fading(tiny.Bars):
    """Two images of the pool are lost once the first round is over, whichever process asks."""

    in_memory = False

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def read(self, position: int, side: int | None = None) -> Image:
        if position in (4, 6) and (self._folder / "round-000/evaluation.json").exists():
            raise UnreadableImage("truncated")
        return super().read(position, side)


def attempt(folder: Path, prepare: Callable[[], None] = lambda: None) -> int:
    """Start the run in a process of its own, after ``prepare``; its exit code, negative for a signal."""
    process = os.fork()
    if process == 0:
        prepare()
        progress.be_quiet(True)
        run(tiny.parts(strategy=Forgetting(), data=Fading(folder)), folder, tiny.CONFIG)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def kill_when(round: int, step: str, moment: str) -> None:
    """Arrange for this process to be killed at a moment of a step."""
    at_step = {"now": False}
    real_step, real_record, real_flush = Journal.step, Journal._record, artifacts._flush

    def begin(self: Journal, this_round: int, this_step: str, artefact: str | None = None) -> Any:
        at_step["now"] = (this_round, this_step) == (round, step)
        return real_step(self, this_round, this_step, artefact)

    def flush(path: Path) -> None:
        kill_if("file written, not renamed")
        real_flush(path)

    def record(self: Journal, row: Any) -> None:
        kill_if("work done, no row")
        real_record(self, row)
        kill_if("row written")

    def kill_if(reached: str) -> None:
        if at_step["now"] and reached == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    Journal.step, Journal._record, artifacts._flush = begin, record, flush  # type: ignore[method-assign, assignment]


def main(undisturbed: Path, killed: Path) -> None:
    """Run both; every kill must happen, and the last attempt must end by itself."""
    if attempt(undisturbed) != 0:
        sys.exit("the undisturbed run failed")
    kills = 0
    for entry in Journal(open_database(f"sqlite:///{undisturbed / 'run.sqlite'}"), undisturbed).entries():
        moments = ["file written, not renamed"] if entry.artefact else []
        for moment in [*moments, "work done, no row", "row written"]:
            code = attempt(killed, lambda e=entry, m=moment: kill_when(e.round, e.step, m))  # type: ignore[misc]
            if code != KILLED:
                sys.exit(f"not killed in round {entry.round} at {entry.step}, {moment}: exit code {code}")
            kills += 1
    if attempt(killed) != 0:
        sys.exit("the run that was killed did not end by itself")
    print(kills)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
