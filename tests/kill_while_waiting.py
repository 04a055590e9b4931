"""Runs a tiny cycle that waits for people and is killed (SIGKILL) three times before any come.

Usage: python kill_while_waiting.py DATABASE_URL FOLDER

Prints how many tasks there were each time, and "ended" when people came and the run was over. The parent has imported
everything and never computes, so that each attempt is a cheap and safe fork.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from functools import partial
from pathlib import Path

import tiny
from people import hire, work

from alframe.cycle import Plan
from alframe.errors import NotFound
from alframe.labelling import Projects, Queue
from alframe.oracle.human import Human
from alframe.run import run
from alframe.storage.service import ServiceDatabase, open_service

TRUTH = dict(zip(tiny.Bars().table.ids.tolist(), tiny.Bars().table.labels.tolist(), strict=True))


def begin(url: str, folder: Path) -> int:
    """Start the run, or go on with it, in a process of its own; its id."""
    if process := os.fork():
        return process
    oracle = partial(Human, project="tiny", service=str(folder / "service"), database=url, poll=0.05)
    parts = tiny.parts(oracle=oracle, cycle=Plan(initial=6, batch=4, rounds=1))
    sys.stdout = sys.stderr
    try:
        run(parts, folder / "run", tiny.CONFIG)
    except BaseException:  # noqa: BLE001 (told, and passed on as the exit status)
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    os._exit(0)


def wait_for(folder: Path, times: int) -> None:
    """Until the log says that the run was opened so often and, the last time, has asked."""
    while True:
        log = (folder / "run" / "alframe.log").read_text() if (folder / "run" / "alframe.log").exists() else ""
        openings = log.count('"run opened"') + log.count('"run started"')
        if openings == times and '"ask"' in log:
            return
        time.sleep(0.05)


def tasks(database: ServiceDatabase) -> int:
    return Queue(database).backlog(Projects(database).named("tiny").id)


def main(url: str, folder: Path) -> None:
    for times in (1, 2, 3):
        process = begin(url, folder)
        wait_for(folder, times)
        time.sleep(0.2)
        os.kill(process, signal.SIGKILL)
        assert os.WIFSIGNALED(os.waitpid(process, 0)[1])
        database = open_service(url)
        print(tasks(database))
        database.close()
    process = begin(url, folder)
    database, people = open_service(url), list[int]()
    while not (ended := os.waitpid(process, os.WNOHANG))[0]:
        try:
            people = people or hire(database, "ann")
            work(database, people, TRUTH.__getitem__)
        except NotFound:
            continue
        time.sleep(0.05)
    assert os.waitstatus_to_exitcode(ended[1]) == 0
    print("ended")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
