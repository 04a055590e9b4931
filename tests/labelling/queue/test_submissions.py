"""An answer is written down once, under a lease that still counts; nothing that people did is lost."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, tzinfo

import pytest
from queues import asked_project, lease_in_time, leased, opened, processes, run_out, submit_when_told, submitted
from sqlalchemy import select, update

from alframe.errors import Conflict, InvalidInput, TooMany
from alframe.labelling import Answer, ProjectSettings, Queue, Receipt
from alframe.storage.service import ServiceDatabase
from alframe.storage.service.tables import AssignmentRow, AuditRow, DraftRow, SubmissionRow, TaskRow
from alframe.types import Label, Object, Objects, Polygons


def rows(database: ServiceDatabase) -> list[SubmissionRow]:
    with database.read() as session:
        return list(session.scalars(select(SubmissionRow).order_by(SubmissionRow.id)))


def drafts(database: ServiceDatabase) -> dict[int, object]:
    with database.read() as session:
        return {row.annotator_id: row.body for row in session.scalars(select(DraftRow))}


def test_an_answer_is_kept_as_it_was_given(database: ServiceDatabase) -> None:
    project, items, users = asked_project(database, 2, 1, kind="segmentation")
    queue = Queue(database)
    triangle = Polygons(((0.0, 0.0, 4.0, 0.0, 4.0, 4.0),))
    objects = Objects((Object((0.0, 0.0, 4.0, 4.0), 1, triangle),))
    first, second = (leased(queue, project, users[0]) for _ in range(2))
    answer = Answer(objects, rationale="the ears", prediction_shown=True, seconds=2.5)
    receipt = queue.submit(first.assignment_id, users[0], first.fence, "a", answer)
    queue.submit(second.assignment_id, users[0], second.fence, "b", Answer(None, "all dark"))
    kept, unknown = rows(database)
    assert receipt == Receipt(kept.id, first.assignment_id, first.task_id, kept.created_at)
    assert kept.label is not None
    assert kept.label["objects"][0]["mask"] == {"rings": [[0.0, 0.0, 4.0, 0.0, 4.0, 4.0]]}
    assert (kept.item_id, kept.rationale, kept.prediction_shown, kept.seconds) == (items[0], "the ears", True, 2.5)
    assert (unknown.label, unknown.reason) == (None, "all dark")
    with database.read() as session:
        entry = session.scalars(select(AuditRow).where(AuditRow.subject == f"submission/{kept.id}")).one()
    assert (entry.actor, entry.action) == ("annotator 0", "submission.create")
    assert kept.body_sha256 in entry.detail


@pytest.mark.parametrize("answer", [{"label": None}, {"label": None, "reason": " "}, {"seconds": float("nan")}])
def test_an_answer_that_says_nothing_is_refused(answer: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        replace(Answer(1), **answer)  # type: ignore[arg-type]


@pytest.mark.parametrize("label", [2, -1, Objects()])
def test_a_label_that_is_none_of_the_project_is_refused(database: ServiceDatabase, label: Label) -> None:
    project, _, users = asked_project(database, 1, 1)
    queue = Queue(database)
    lease = leased(queue, project, users[0])
    with pytest.raises(InvalidInput):
        queue.submit(lease.assignment_id, users[0], lease.fence, "key", Answer(label))
    assert rows(database) == []


def test_a_hundred_replays_are_one_answer(database: ServiceDatabase, service_url: str) -> None:
    """Fifty of them at once from eight threads, each over connections of its own, before anybody has had a receipt."""
    project, _, users = asked_project(database, 1, 1)
    lease = leased(Queue(database), project, users[0])

    def replay(times: int) -> set[Receipt]:
        with opened(service_url) as own:
            return {submitted(Queue(own), lease, users[0]) for _ in range(times)}

    with ThreadPoolExecutor(8) as pool:
        receipts = set().union(*pool.map(replay, [7] * 7 + [1]))
    receipts |= replay(50)
    assert len(receipts) == len(rows(database)) == 1


def test_a_replay_is_known_long_after_the_lease(database: ServiceDatabase) -> None:
    project, _, users = asked_project(database, 2, 1)
    queue = Queue(database)
    lease = leased(queue, project, users[0])
    receipt = submitted(queue, lease, users[0])
    run_out(database, lease.assignment_id)
    queue.withdraw(project.id, 0)
    assert submitted(queue, lease, users[0]) == receipt


def test_a_key_stands_for_one_answer(database: ServiceDatabase) -> None:
    project, _, users = asked_project(database, 2, 1)
    queue = Queue(database)
    first, second = (leased(queue, project, users[0]) for _ in range(2))
    queue.submit(first.assignment_id, users[0], first.fence, "key", Answer(1))
    with pytest.raises(Conflict, match="stands for another answer"):
        queue.submit(first.assignment_id, users[0], first.fence, "key", Answer(0))
    with pytest.raises(Conflict, match="stands for another answer"):
        queue.submit(second.assignment_id, users[0], second.fence, "key", Answer(1))
    with pytest.raises(Conflict, match="answered it already"):
        queue.submit(first.assignment_id, users[0], first.fence, "other", Answer(1))
    assert len(rows(database)) == 1


def test_a_key_that_is_used_twice_at_once_stands_for_one_answer(database: ServiceDatabase, service_url: str) -> None:
    project, _, users = asked_project(database, 4, 1, ProjectSettings(leases=4))
    leases = [leased(Queue(database), project, users[0]) for _ in range(4)]

    def submit(number: int) -> bool:
        with opened(service_url) as own:
            lease = leases[number]
            try:
                Queue(own).submit(lease.assignment_id, users[0], lease.fence, "key", Answer(1))
            except Conflict:
                return False
            return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(submit, range(4))) == 1
    assert len(rows(database)) == 1


def test_the_last_answers_complete_a_task_also_at_once(database: ServiceDatabase, service_url: str) -> None:
    """Ten tasks whose two answers come at the same moment: each sees the other, so that none stays open."""
    project, items, users = asked_project(database, 10, 2, ProjectSettings(overlap=2, leases=10))
    leases = {user: [leased(Queue(database), project, user) for _ in items] for user in users}

    def submit(user: int) -> None:
        with opened(service_url) as own:
            for lease in leases[user]:
                submitted(Queue(own), lease, user)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(submit, users))
    with database.read() as session:
        assert session.scalars(select(TaskRow.state)).all() == ["complete"] * 10


def test_an_answer_after_the_lease_counts_until_somebody_else_has_the_item(database: ServiceDatabase) -> None:
    project, _, users = asked_project(database, 2, 2)
    queue = Queue(database)
    in_time, late = (leased(queue, project, users[0]) for _ in range(2))
    run_out(database, in_time.assignment_id)
    run_out(database, late.assignment_id)
    submitted(queue, in_time, users[0])
    other = leased(queue, project, users[1])
    assert (other.assignment_id, other.fence) == (late.assignment_id, late.fence + 1)
    with pytest.raises(Conflict, match="kept as a draft"):
        queue.submit(late.assignment_id, users[0], late.fence, "late", Answer(0, rationale="the tail"))
    kept = {"label": 0, "reason": "", "rationale": "the tail", "prediction_shown": False, "seconds": None}
    assert drafts(database) == {users[0]: kept}
    submitted(queue, other, users[1])
    assert [row.annotator_id for row in rows(database)] == users


def test_an_old_lease_of_ones_own_counts_no_more(database: ServiceDatabase) -> None:
    """Somebody who lets an item run out and takes it again in another window: the first window is refused."""
    project, _, users = asked_project(database, 1, 1)
    queue = Queue(database)
    first = leased(queue, project, users[0])
    run_out(database, first.assignment_id)
    second = leased(queue, project, users[0])
    assert (second.assignment_id, second.fence) == (first.assignment_id, 2)
    for deed in (
        lambda: queue.renew(first.assignment_id, users[0], first.fence),
        lambda: queue.pass_on(first.assignment_id, users[0], first.fence, "skip"),
        lambda: queue.save_draft(first.assignment_id, users[0], first.fence, {"label": 0}),
        lambda: submitted(queue, first, users[0]),
    ):
        with pytest.raises(Conflict):
            deed()
    assert queue.held(project.id, users[0])[0].draft is not None
    submitted(queue, second, users[0])
    assert drafts(database) == {}


def test_nobody_leaves_a_draft_of_what_they_never_had(database: ServiceDatabase) -> None:
    """Nor is told what has become of it."""
    project, _, users = asked_project(database, 1, 2)
    queue = Queue(database)
    lease = leased(queue, project, users[0])
    told = set()
    for fence in (lease.fence, 99):
        with pytest.raises(Conflict) as refused:
            queue.save_draft(lease.assignment_id, users[1], fence, {"label": 0})
        told.add(str(refused.value))
        with pytest.raises(Conflict) as refused:
            queue.submit(lease.assignment_id, users[1], fence, "key", Answer(1))
        told.add(str(refused.value))
    queue.withdraw(project.id, 0)
    with pytest.raises(Conflict) as refused:
        queue.save_draft(lease.assignment_id, users[1], 99, {"label": 0})
    assert told == {str(refused.value)}
    assert drafts(database) == {}


def test_a_heartbeat_holds_an_item(database: ServiceDatabase) -> None:
    project, _, users = asked_project(database, 1, 2)
    queue = Queue(database)
    lease = leased(queue, project, users[0])
    run_out(database, lease.assignment_id)
    assert queue.held(project.id, users[0]) == []
    renewed = queue.renew(lease.assignment_id, users[0], lease.fence)
    assert renewed.fence == lease.fence
    assert 0 < renewed.expires_in <= project.settings.lease_seconds
    assert queue.held(project.id, users[0])
    assert queue.lease(project.id, users[1]) is None
    with pytest.raises(Conflict):
        queue.renew(lease.assignment_id, users[1], lease.fence)


def test_no_heartbeat_holds_an_item_for_ever(database: ServiceDatabase) -> None:
    """After an hour it runs out; until somebody else has it, the answer still counts, and the draft is there."""
    project, _, users = asked_project(database, 1, 2)
    queue = Queue(database)
    lease = leased(queue, project, users[0])
    queue.save_draft(lease.assignment_id, users[0], lease.fence, {"label": 0})
    with database.write() as session:
        session.execute(update(AssignmentRow).values(leased_at=AssignmentRow.leased_at - 3590.0))
    queue.renew(lease.assignment_id, users[0], lease.fence)
    with database.write() as session:
        session.execute(update(AssignmentRow).values(leased_at=AssignmentRow.leased_at - 20.0))
    with pytest.raises(Conflict, match="3600 seconds"):
        queue.renew(lease.assignment_id, users[0], lease.fence)
    assert drafts(database) == {users[0]: {"label": 0}}
    run_out(database, lease.assignment_id)
    assert leased(queue, project, users[1]).assignment_id == lease.assignment_id


def test_a_client_that_slept_through_its_lease_is_refused(database: ServiceDatabase, service_url: str) -> None:
    """It is stopped with its lease in hand, somebody else takes the item, it wakes and submits."""
    project, _, users = asked_project(database, 1, 2, ProjectSettings(lease_seconds=0.3))
    here, there = processes.Pipe()
    sleeper = processes.Process(target=submit_when_told, args=(service_url, project.id, users[0], there), daemon=True)
    sleeper.start()
    assert here.recv() == "leased"
    assert sleeper.pid is not None
    os.kill(sleeper.pid, signal.SIGSTOP)
    queue = Queue(database)
    lease = lease_in_time(queue, project, users[1])
    here.send("submit")
    os.kill(sleeper.pid, signal.SIGCONT)
    assert here.recv() == "refused"
    sleeper.join()
    submitted(queue, lease, users[1])
    assert [row.annotator_id for row in rows(database)] == [users[1]]
    assert users[0] in drafts(database)


@pytest.mark.parametrize("hours", [-1, 1])
def test_only_the_clock_of_the_database_counts(
    database: ServiceDatabase, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    """This process believes that it is an hour earlier or later: leases hold and run out as before."""
    project, _, users = asked_project(database, 1, 2, ProjectSettings(answers_per_minute=1))
    queue = Queue(database)
    lease = leased(queue, project, users[0])
    real = time.time

    class Skewed(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Skewed:
            return cls.fromtimestamp(time.time(), tz)

    monkeypatch.setattr("time.time", lambda: real() + hours * 3600)
    monkeypatch.setattr("alframe.storage.tables.datetime", Skewed)
    assert 0 < queue.renew(lease.assignment_id, users[0], lease.fence).expires_in <= project.settings.lease_seconds
    assert queue.held(project.id, users[0])
    assert queue.lease(project.id, users[1]) is None
    with pytest.raises(TooMany, match="within a minute"):
        queue.lease(project.id, users[0])
    run_out(database, lease.assignment_id)
    taken = leased(queue, project, users[1])
    assert 0 < taken.expires_in <= project.settings.lease_seconds
    with pytest.raises(Conflict):
        submitted(queue, lease, users[0])
    stamped = submitted(queue, taken, users[1]).created_at
    assert abs(stamped.timestamp() - real()) > 3000  # the skew is real
