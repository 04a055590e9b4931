"""Many processes label at once, and die or lose their database: nothing is given out too often, and nothing is lost."""

from __future__ import annotations

import gc
import os
import signal
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from itertools import chain, repeat
from time import sleep

import pytest
from databases import PostgresServer
from queues import asked_project, label_and_tell, label_everything, label_through_outages, opened, processes
from sqlalchemy import func, select

from alframe.labelling import ProjectSettings
from alframe.storage.service import ServiceDatabase
from alframe.storage.service.tables import AssignmentRow, SubmissionRow, TaskRow

PEOPLE = 8


@pytest.mark.parametrize("overlap", [1, 3])
def test_eight_processes_label_each_item_as_often_as_was_asked(
    database: ServiceDatabase, service_url: str, overlap: int
) -> None:
    project, items, users = asked_project(database, 300 // overlap, PEOPLE, ProjectSettings(overlap=overlap))
    with ProcessPoolExecutor(PEOPLE, mp_context=processes) as pool:
        given = [*chain.from_iterable(pool.map(label_everything, repeat(service_url), repeat(project.id), users))]
    assert Counter(Counter(task for task, _ in given).values()) == {overlap: len(items)}
    with database.read() as session:
        kept = session.execute(select(SubmissionRow.task_id, SubmissionRow.id)).all()
        people = select(func.count(SubmissionRow.annotator_id.distinct())).group_by(SubmissionRow.task_id)
        assert set(session.scalars(people)) == {overlap}
        assert set(session.scalars(select(AssignmentRow.fence))) == {1}  # nothing was given out twice
        assert set(session.scalars(select(TaskRow.state))) == {"complete"}
    assert sorted(map(tuple, kept)) == sorted(given)


def test_what_was_acknowledged_survives_the_death_of_who_submits(database: ServiceDatabase, service_url: str) -> None:
    """A process is killed (SIGKILL) while it submits; whoever comes after it finds its answers, and does the rest."""
    project, items, users = asked_project(database, 60, 2)
    here, there = processes.Pipe()
    victim = processes.Process(target=label_and_tell, args=(service_url, project.id, users[0], there), daemon=True)
    victim.start()
    told = dict(here.recv() for _ in range(20))
    assert victim.pid is not None
    os.kill(victim.pid, signal.SIGKILL)
    victim.join()
    while here.poll():
        told.update([here.recv()])
    with database.read() as session:
        kept = dict(session.execute(select(SubmissionRow.assignment_id, SubmissionRow.id)).all())
    assert told.items() <= kept.items()
    assert len(kept) - len(told) <= 1  # what was written down when it died, before it could tell
    label_everything(service_url, project.id, users[0])
    _each_answered_once(database, len(items))


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")  # pg8000's, where a server refuses to greet
def test_what_was_acknowledged_survives_crashes_of_postgresql(postgres: PostgresServer) -> None:
    """The server crashes twice while four people label; what had no receipt they send again under the same key."""
    with opened(postgres.new_database()) as database:
        project, items, users = asked_project(database, 80, 4)
        receipts: dict[int, int] = {}
        with ThreadPoolExecutor(4) as pool:
            outages = [pool.submit(label_through_outages, database, project.id, user, receipts) for user in users]
            for crash in (1, 2):
                while len(receipts) < 20 * crash:
                    sleep(0.01)
                postgres.stop("immediate")
                postgres.start()
            assert sum(each.result() for each in outages) > 0
        with database.read() as session:
            kept = session.execute(select(SubmissionRow.assignment_id, SubmissionRow.id)).all()
        assert receipts == dict(kept)
        _each_answered_once(database, len(items))
    gc.collect()


def _each_answered_once(database: ServiceDatabase, tasks: int) -> None:
    with database.read() as session:
        answered = session.scalars(select(SubmissionRow.task_id)).all()
        assert len(answered) == len(set(answered)) == tasks
        assert set(session.scalars(select(TaskRow.state))) == {"complete"}
