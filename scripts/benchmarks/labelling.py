"""The labelling queue under load: processes that lease and submit as fast as they can, on SQLite and PostgreSQL.

Each process is one annotator with connections of its own, and leases until nothing is left for it. Then the database is
asked whether any item was given out too often, or lost.
"""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import repeat
from multiprocessing import get_context
from tempfile import TemporaryDirectory
from time import perf_counter, time
from typing import Annotated

import numpy as np
import typer
from servers.postgresql import PostgresServer, postgres_programs
from sqlalchemy import insert, make_url, select

from alframe.labelling import Answer, NewTask, Projects, ProjectSettings, Queue
from alframe.storage.service import ServiceDatabase, open_service
from alframe.storage.service.tables import ItemRow, SubmissionRow, TaskRow, UserRow


@dataclass(frozen=True)
class Worked:
    """What one process did: when it began and ended, and the seconds that each lease and submission took."""

    began: float
    ended: float
    leases: list[float]
    submissions: list[float]


def ask(database: ServiceDatabase, items: int, people: int, overlap: int) -> tuple[int, list[int]]:
    """A new project whose items are all asked for; its id, and those of the annotators."""
    name = f"{items} items, overlap {overlap}, {time()}"
    settings = ProjectSettings(overlap=overlap, max_overlap=overlap)
    project = Projects(database).create(name, "classification", ["a", "b"], settings, by="system")
    with database.write() as session:
        users = [UserRow(name=f"{name}, annotator {number}") for number in range(people)]
        session.add_all(users)
        rows = [
            {"project_id": project.id, "sample_id": str(number), "image": "", "width": 8, "height": 8}
            for number in range(items)
        ]
        added = session.scalars(insert(ItemRow).returning(ItemRow.id), rows).all()
        annotators = [user.id for user in users]
    scores = np.random.default_rng(0).random(items)
    Queue(database).ask(project.id, 0, [NewTask(*each) for each in zip(added, scores.tolist(), strict=True)])
    return project.id, annotators


def label(url: str, project_id: int, annotator_id: int) -> Worked:
    """One annotator, in a process of their own."""
    database = open_service(url)
    queue, began = Queue(database), time()
    leases, submissions = [], []
    while True:
        started = perf_counter()
        lease = queue.lease(project_id, annotator_id)
        leases.append(perf_counter() - started)
        if lease is None:
            database.close()
            return Worked(began, time(), leases, submissions)
        started = perf_counter()
        queue.submit(lease.assignment_id, annotator_id, lease.fence, f"{lease.assignment_id}", Answer(0, seconds=1.0))
        submissions.append(perf_counter() - started)


def wrong(database: ServiceDatabase, project_id: int, overlap: int) -> tuple[int, int]:
    """Items with too many answers, and items with too few or whose task is not complete."""
    with database.read() as session:
        answers = Counter(session.scalars(select(SubmissionRow.task_id).where(SubmissionRow.project_id == project_id)))
        tasks = session.execute(select(TaskRow.id, TaskRow.state).where(TaskRow.project_id == project_id)).all()
    over = sum(answers[task_id] > overlap for task_id, _ in tasks)
    return over, sum(answers[task_id] < overlap or state != "complete" for task_id, state in tasks)


@contextmanager
def databases(urls: list[str], folder: str) -> Iterator[list[str]]:
    """Those that are given; else an SQLite file and, where PostgreSQL is installed, a server for the meantime."""
    programs = postgres_programs()
    if urls or programs is None:
        yield urls or [f"sqlite:///{folder}/service.sqlite"]
        return
    server = PostgresServer(programs)
    try:
        yield [f"sqlite:///{folder}/service.sqlite", server.new_database()]
    finally:
        server.remove()


def measure(url: str, items: int, processes: int, overlap: int) -> str:
    """One row of the table."""
    database = open_service(url)
    project_id, people = ask(database, items, processes, overlap)
    context = get_context("forkserver")
    context.set_forkserver_preload(["alframe.labelling"])
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        worked = list(pool.map(label, repeat(url), repeat(project_id), people))
    over, lost = wrong(database, project_id, overlap)
    database.close()
    seconds = max(each.ended for each in worked) - min(each.began for each in worked)
    leases, submissions = (
        np.concatenate([getattr(each, deed) for each in worked]) * 1e3 for deed in ("leases", "submissions")
    )
    numbers = [len(submissions) / seconds, *np.percentile(leases, [50, 99]), *np.percentile(submissions, [50, 99])]
    shown = "".join(f"{number:>12.1f}" for number in numbers)
    return f"{make_url(url).get_backend_name():>12}{overlap:>9}{shown}{over:>15}{lost:>6}"


def main(
    items: Annotated[int, typer.Option(help="How many are asked for.")] = 4000,
    processes: Annotated[int, typer.Option(help="How many annotators lease and submit at once.")] = 16,
    overlap: Annotated[list[int] | None, typer.Option(help="People for each item; by default 1, then 3.")] = None,
    database: Annotated[
        list[str] | None, typer.Option(help="URL; by default SQLite, and PostgreSQL where it is installed.")
    ] = None,
) -> None:
    """Print answers per second, milliseconds of leases and submissions, and what went wrong."""
    print(f"{platform.machine()}, {os.cpu_count()} cores; {processes} processes, {items} items; times in ms")
    heads = ("answers/s", "lease p50", "lease p99", "submit p50", "submit p99")
    print(f"{'database':>12}{'overlap':>9}{''.join(f'{head:>12}' for head in heads)}{'over-assigned':>15}{'lost':>6}")
    with TemporaryDirectory() as folder, databases(database or [], folder) as urls:
        for url in urls:
            for people in overlap or [1, 3]:
                print(measure(url, items, processes, people), flush=True)


if __name__ == "__main__":
    typer.run(main)
