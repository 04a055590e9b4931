"""The queue gives each item to the right people, in the right order, and not more often than was asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from queues import asked_project, leased, new_project, run_out, submitted
from sqlalchemy import delete, event, select, text, update
from sqlalchemy.orm import Session

from alframe.errors import Conflict, Forbidden, InvalidInput, NotFound, TooMany
from alframe.labelling import Answer, NewTask, Project, Projects, ProjectSettings, Queue
from alframe.labelling.queue.eligible import NOBODY_LEFT, review_stranded
from alframe.labelling.queue.tasks import add_assignment
from alframe.storage.service import ServiceDatabase
from alframe.storage.service.tables import AssignmentRow, AuditRow, ItemRow, MembershipRow, TaskRow, UserRow
from alframe.types import Object, Objects, Prediction


def test_what_was_asked_for_is_not_asked_for_again(database: ServiceDatabase) -> None:
    project, items, _ = new_project(database, 3, 0, ProjectSettings(overlap=2))
    queue = Queue(database)
    tasks = [NewTask(item_id) for item_id in items]
    assert queue.ask(project.id, 0, tasks[:2]) == 2
    assert queue.ask(project.id, 0, [*tasks, *tasks]) == 1
    assert queue.ask(project.id, 0, tasks) == 0
    assert queue.ask(project.id, 1, tasks, overlap=1) == 3
    assert queue.ask(project.id, 1, tasks, kind="relabel") == 3
    assert queue.backlog(project.id) == 9
    with database.read() as session:
        assert len(session.scalars(select(AssignmentRow)).all()) == 3 * 2 + 3 * 1 + 3 * 2


def test_what_cannot_be_asked_is_refused(database: ServiceDatabase) -> None:
    project, items, _ = new_project(database, 1, 0)
    queue = Queue(database)
    with pytest.raises(InvalidInput, match="finite"):
        queue.ask(project.id, 0, [NewTask(items[0], float("nan"))])
    with pytest.raises(InvalidInput, match="express lane"):
        queue.ask(project.id, 0, [NewTask(items[0])], priority=1_000)
    with pytest.raises(InvalidInput, match="at least one person"):
        queue.ask(project.id, 0, [NewTask(items[0])], overlap=0)
    with pytest.raises(NotFound, match="item 999"):
        queue.ask(project.id, 0, [NewTask(items[0]), NewTask(999)])
    with pytest.raises(NotFound, match="no project 7"):
        queue.ask(7, 0, [])
    assert queue.backlog(project.id) == 0


def test_what_is_held_when_it_is_asked_for_is_asked_of_nobody(database: ServiceDatabase) -> None:
    project, items, _ = new_project(database, 3, 0)
    with database.write() as session:
        session.execute(update(ItemRow).where(ItemRow.id == items[1]).values(held="no consent"))
    assert Queue(database).ask(project.id, 0, [NewTask(item_id) for item_id in items]) == 2
    assert Queue(database).backlog(project.id) == 2


def test_equal_scores_are_given_out_in_the_order_they_were_asked_in(database: ServiceDatabase) -> None:
    project, items, users = new_project(database, 12, 1, ProjectSettings(leases=12))
    Queue(database).ask(project.id, 0, [NewTask(item_id) for item_id in reversed(items)])
    assert [leased(Queue(database), project, users[0]).item_id for _ in items] == items[::-1]


class PlainQueue:
    """What the queue must do, over sets: assignments by id, and a search through all of them."""

    def __init__(self, rows: Sequence[AssignmentRow]) -> None:
        self.place = {row.id: (-row.priority, -row.score, row.place, row.id) for row in rows}
        self.task = {row.id: row.task_id for row in rows}
        self.fence = dict.fromkeys(self.place, 0)
        self.owner: dict[int, int] = {}
        self.running: set[int] = set()
        self.done: set[int] = set()
        self.skipped: set[tuple[int, int]] = set()

    def lease(self, user: int) -> int | None:
        free = [one for one in self.place.keys() - self.running - self.done if self._is_for(one, user)]
        if not free:
            return None
        first = min(free, key=self.place.__getitem__)
        self.fence[first] += 1
        self.owner[first] = user
        self.running.add(first)
        return first

    def _is_for(self, one: int, user: int) -> bool:
        names = {self.task[other] for other, whose in self.owner.items() if whose == user and other != one}
        return self.task[one] not in names and (self.task[one], user) not in self.skipped

    def skip(self, one: int) -> None:
        self.running.remove(one)
        self.skipped.add((self.task[one], self.owner.pop(one)))


@pytest.mark.parametrize("seed", range(3))
def test_everybody_gets_the_first_item_that_is_for_them(database: ServiceDatabase, seed: int) -> None:
    """A hundred random deeds; each lease is the one that a plain search through all assignments finds."""
    rng = np.random.default_rng(seed)
    project, items, users = new_project(database, 8, 4, ProjectSettings(overlap=2, leases=3, max_overlap=50))
    queue = Queue(database)
    for priority in (0, 1):
        tasks = [NewTask(item_id, float(rng.integers(3))) for item_id in items[priority * 4 :][:4]]
        queue.ask(project.id, 0, tasks, priority=priority)
    with database.read() as session:
        plain = PlainQueue(session.scalars(select(AssignmentRow)).all())

    for _ in range(100):
        user = int(rng.choice(users))
        held = sorted(one for one in plain.running if plain.owner[one] == user)
        if len(held) < 3 and rng.random() < 0.6:
            lease, expected = queue.lease(project.id, user), plain.lease(user)
            assert (lease and (lease.assignment_id, lease.fence)) == (expected and (expected, plain.fence[expected]))
        elif held:
            one = int(rng.choice(held))
            match rng.choice(["submit", "skip", "run out"]):
                case "submit":
                    queue.submit(one, user, plain.fence[one], str(one), Answer(1))
                    plain.running.remove(one)
                    plain.done.add(one)
                case "skip":
                    queue.pass_on(one, user, plain.fence[one], "skip")
                    plain.skip(one)
                case _:
                    run_out(database, one)
                    plain.running.remove(one)
    assert len(plain.done) > 3


def test_an_item_is_given_to_as_many_as_were_asked_for(database: ServiceDatabase) -> None:
    project, items, users = asked_project(database, 1, 4, ProjectSettings(overlap=3))
    queue = Queue(database)
    given = [queue.lease(project.id, user) for user in users]
    assert [lease and lease.item_id for lease in given] == [*items * 3, None]
    assert queue.lease(project.id, users[0]) is None  # not a second time to the same person
    for lease, user in zip(given, users, strict=True):
        if lease:
            submitted(queue, lease, user)
    with database.read() as session:
        assert session.scalars(select(TaskRow.state)).all() == ["complete"]
    assert queue.lease(project.id, users[3]) is None
    assert queue.backlog(project.id) == 0


def test_where_people_disagree_one_more_is_asked(database: ServiceDatabase) -> None:
    project, _, users = asked_project(database, 1, 2)
    queue = Queue(database)
    submitted(queue, leased(queue, project, users[0]), users[0])
    with database.write() as session:
        task = session.scalars(select(TaskRow).with_for_update()).one()
        assert add_assignment(session, task).slot == 1
    assert queue.backlog(project.id) == 1
    assert queue.lease(project.id, users[0]) is None
    submitted(queue, leased(queue, project, users[1]), users[1])
    assert queue.backlog(project.id) == 0


def test_nobody_holds_or_gets_more_than_they_may(database: ServiceDatabase) -> None:
    project, _, users = asked_project(database, 9, 2, ProjectSettings(leases=2, answers_per_minute=3))
    queue = Queue(database)
    first, second = (leased(queue, project, users[0]) for _ in range(2))
    with pytest.raises(TooMany, match="hold 2 items"):
        queue.lease(project.id, users[0])
    submitted(queue, first, users[0])
    third = leased(queue, project, users[0])
    submitted(queue, second, users[0])
    submitted(queue, third, users[0])
    with pytest.raises(TooMany, match="3 items within a minute"):
        queue.lease(project.id, users[0])
    assert queue.lease(project.id, users[1])
    with database.write() as session:  # a minute later
        session.execute(update(AssignmentRow).values(leased_at=AssignmentRow.leased_at - 60.0))
    assert queue.lease(project.id, users[0])


def test_a_paused_project_gives_nothing_out_and_takes_what_is_out(database: ServiceDatabase) -> None:
    project, _, users = asked_project(database, 2, 1)
    queue, projects = Queue(database), Projects(database)
    lease = leased(queue, project, users[0])
    projects.change(project.id, version=1, by="root", paused=True)
    with pytest.raises(Conflict, match="paused"):
        queue.lease(project.id, users[0])
    assert submitted(queue, lease, users[0]).task_id == lease.task_id
    projects.change(project.id, version=2, by="root", paused=False)
    assert queue.lease(project.id, users[0])


def test_an_item_that_is_held_back_is_given_to_nobody(database: ServiceDatabase) -> None:
    project, items, users = asked_project(database, 2, 1)
    queue = Queue(database)
    lease = leased(queue, project, users[0])
    assert queue.holds(lease.item_id, users[0])
    with database.write() as session:
        session.execute(update(ItemRow).values(held="no consent"))
    assert queue.lease(project.id, users[0]) is None
    assert queue.held(project.id, users[0]) == []
    assert not queue.holds(lease.item_id, users[0])
    with database.write() as session:
        session.execute(update(ItemRow).where(ItemRow.id == items[1]).values(held=""))
    assert leased(queue, project, users[0]).item_id == items[1]


def test_what_they_hold_is_found_again_with_its_draft(database: ServiceDatabase) -> None:
    project, items, users = asked_project(database, 3, 2)
    queue = Queue(database)
    first, second = (leased(queue, project, users[0]) for _ in range(2))
    queue.save_draft(second.assignment_id, users[0], second.fence, {"label": 1})
    queue.save_draft(second.assignment_id, users[0], second.fence, {"label": 0})
    found = queue.held(project.id, users[0])
    assert [(lease.item_id, lease.fence, lease.draft) for lease in found] == [
        (items[0], first.fence, None),
        (items[1], second.fence, {"label": 0}),
    ]
    assert all(0 < lease.expires_in <= project.settings.lease_seconds for lease in found)
    assert (found[0].width, found[0].height) == (8, 8)
    assert queue.held(project.id, users[1]) == []
    assert queue.project_of(first.assignment_id) == project.id
    submitted(queue, second, users[0])
    assert [lease.item_id for lease in queue.held(project.id, users[0])] == [items[0]]
    assert leased(queue, project, users[1]).draft is None


def test_what_is_flagged_goes_to_a_reviewer(database: ServiceDatabase) -> None:
    project, _, users = asked_project(database, 1, 3, ProjectSettings(overlap=2))
    queue = Queue(database)
    lease, other = (leased(queue, project, user) for user in users[:2])
    with pytest.raises(InvalidInput, match="needs a reason"):
        queue.pass_on(lease.assignment_id, users[0], lease.fence, "flag", " ")
    queue.pass_on(lease.assignment_id, users[0], lease.fence, "flag", "not a pet")
    with database.read() as session:
        task = session.scalars(select(TaskRow)).one()
    assert (task.state, task.reason) == ("review", "flagged: not a pet")
    assert queue.lease(project.id, users[2]) is None
    with pytest.raises(Conflict, match="the task is review"):
        submitted(queue, other, users[1])


def test_what_is_skipped_goes_to_others_and_at_last_to_a_reviewer(database: ServiceDatabase) -> None:
    project, _, users = asked_project(database, 1, 3, ProjectSettings(max_overlap=2))
    queue = Queue(database)
    for user in users[:2]:
        lease = leased(queue, project, user)
        queue.pass_on(lease.assignment_id, user, lease.fence, "skip")
        assert queue.lease(project.id, user) is None
        with pytest.raises(Conflict):
            submitted(queue, lease, user)
    with database.read() as session:
        task = session.scalars(select(TaskRow)).one()
    assert (task.state, task.reason) == ("review", "skipped by 2 people")
    assert queue.lease(project.id, users[2]) is None


def test_what_the_last_who_could_answer_passed_on_goes_to_a_reviewer(database: ServiceDatabase) -> None:
    """Two people, of three that the project would ask at most."""
    project, _, users = asked_project(database, 1, 2, ProjectSettings(max_overlap=3))
    queue = Queue(database)
    for user in users:
        lease = leased(queue, project, user)
        queue.pass_on(lease.assignment_id, user, lease.fence, "skip")
    with database.read() as session:
        task = session.scalars(select(TaskRow)).one()
    assert (task.state, task.reason) == ("review", "skipped by 2 people")


@pytest.mark.parametrize("how", ["revoked", "disabled", "viewer"])
def test_what_nobody_may_answer_any_more_goes_to_a_reviewer(database: ServiceDatabase, how: str) -> None:
    """One of two has answered, the other one leaves; what nobody has answered waits for the one who is left."""
    project, items, users = asked_project(database, 2, 2, ProjectSettings(overlap=2))
    queue = Queue(database)
    submitted(queue, leased(queue, project, users[0]), users[0])
    held = leased(queue, project, users[1])
    assert review_stranded(database, project.id) == 0
    with database.write() as session:
        match how:
            case "revoked":
                session.execute(delete(MembershipRow).where(MembershipRow.user_id == users[1]))
            case "viewer":
                session.execute(update(MembershipRow).where(MembershipRow.user_id == users[1]).values(role="viewer"))
            case _:
                session.execute(update(UserRow).where(UserRow.id == users[1]).values(active=False))
    assert review_stranded(database, project.id) == 1
    assert review_stranded(database, project.id) == 0
    with database.read() as session:
        states = dict(session.execute(select(TaskRow.item_id, TaskRow.state)).all())
        assert session.get_one(TaskRow, held.task_id).reason == NOBODY_LEFT
    assert states == {items[0]: "review", items[1]: "open"}
    with pytest.raises(Conflict, match="the task is review"):
        submitted(queue, held, users[1])


def test_a_project_without_people_waits_for_them(database: ServiceDatabase) -> None:
    project, _, _ = asked_project(database, 2, 0)
    assert review_stranded(database, project.id) == 0
    assert Queue(database).backlog(project.id) == 2


def test_a_round_asks_nobody_twice_about_an_item(database: ServiceDatabase) -> None:
    """By whatever kind of task; a later round may."""
    project, items, users = asked_project(database, 1, 2)
    queue = Queue(database)
    submitted(queue, leased(queue, project, users[0]), users[0])
    queue.ask(project.id, 0, [NewTask(items[0])], kind="relabel")
    assert queue.lease(project.id, users[0]) is None
    assert leased(queue, project, users[1]).item_id == items[0]
    queue.ask(project.id, 1, [NewTask(items[0])], kind="relabel")
    assert leased(queue, project, users[0]).item_id == items[0]


def test_a_round_that_is_withdrawn_asks_for_nothing_more(database: ServiceDatabase) -> None:
    project, items, users = asked_project(database, 3, 1)
    queue = Queue(database)
    queue.ask(project.id, 1, [NewTask(items[2], -9.0)])
    done, running = (leased(queue, project, users[0]) for _ in range(2))
    submitted(queue, done, users[0])
    queue.ask(project.id, 0, [NewTask(items[0], -99.0)], kind="audit")
    assert queue.withdraw(project.id, 0) == 2
    assert queue.withdraw(project.id, 0) == 0
    with pytest.raises(Conflict, match="withdrawn"):
        submitted(queue, running, users[0])
    assert queue.backlog(project.id) == 2  # the audit still tells something
    assert leased(queue, project, users[0]).item_id == items[2]
    with database.read() as session:
        assert session.get_one(TaskRow, done.task_id).state == "complete"


def test_what_is_urgent_or_old_comes_first(database: ServiceDatabase) -> None:
    project, items, users = asked_project(database, 4, 1, ProjectSettings(leases=4, escalate_after_hours=2.0))
    queue = Queue(database)
    assert queue.express(project.id, items[2:3], by="ann") == 1
    assert queue.express(project.id, items[2:3], by="ann") == 0
    assert queue.escalate(project.id) == 0
    with database.write() as session:
        long_ago = datetime.now(UTC) - timedelta(hours=3)
        session.execute(update(TaskRow).where(TaskRow.item_id == items[3]).values(created_at=long_ago))
    assert (queue.escalate(project.id), queue.escalate(project.id)) == (1, 0)
    assert [leased(queue, project, users[0]).item_id for _ in items] == [items[3], items[2], items[0], items[1]]
    with database.read() as session:
        assert "tasks.express" in session.scalars(select(AuditRow.action).where(AuditRow.actor == "ann")).all()


@pytest.mark.parametrize("prefill", ["never", "request", "always"])
def test_predictions_are_shown_as_the_project_says(database: ServiceDatabase, prefill: str) -> None:
    objects = Objects((Object((0.0, 0.0, 4.0, 5.0), 1, score=0.5),))
    settings = ProjectSettings.model_validate({"prefill": prefill})
    project, items, users = new_project(database, 2, 2, settings)
    queue = Queue(database)
    queue.ask(project.id, 0, [NewTask(items[0], 1.0, Prediction(objects, (0.25, 0.75))), NewTask(items[1])])
    lease, bare = (leased(queue, project, users[0]) for _ in range(2))
    assert lease.prefill == (objects if prefill == "always" else None)
    assert lease.prediction == (prefill != "never")
    assert (bare.prefill, bare.prediction) == (None, False)
    if prefill == "never":
        with pytest.raises(Forbidden):
            queue.prediction(lease.assignment_id, users[0])
        return
    found = queue.prediction(lease.assignment_id, users[0])
    assert (found.label, found.probs) == (objects, (0.25, 0.75))
    with pytest.raises(NotFound, match="no prediction"):
        queue.prediction(bare.assignment_id, users[0])
    with pytest.raises(Conflict, match="do not hold"):
        queue.prediction(lease.assignment_id, users[1])


def test_what_is_mixed_in_is_for_one_person(database: ServiceDatabase) -> None:
    """A mix makes a gold task for the first annotator; the others never get it, even once its lease has run out."""
    project, items, users = asked_project(database, 2, 2)
    items = [*items, _one_more(database, project)]

    def mix(session: Session, project: Project, annotator_id: int, instead: int) -> int | None:
        assert session.get_one(AssignmentRow, instead).state == "open"
        if annotator_id != users[0] or session.scalars(select(TaskRow).where(TaskRow.kind == "gold")).first():
            return None
        task = TaskRow(project_id=project.id, item_id=items[2], round=users[0], kind="gold")
        session.add(task)
        session.flush()
        assignment = AssignmentRow(
            project_id=project.id, task_id=task.id, slot=0, annotator_id=annotator_id, priority=9
        )
        session.add(assignment)
        session.flush()
        return assignment.id

    queue = Queue(database, mix)
    gold = leased(queue, project, users[0])
    assert gold.item_id == items[2]
    assert queue.backlog(project.id) == 2
    run_out(database, gold.assignment_id)
    assert leased(queue, project, users[1]).item_id == items[0]
    again = leased(queue, project, users[0])
    assert (again.assignment_id, again.fence) == (gold.assignment_id, 2)
    queue.pass_on(again.assignment_id, users[0], again.fence, "skip")
    with database.read() as session:
        assert session.get_one(TaskRow, gold.task_id).state == "withdrawn"
    assert leased(queue, project, users[0]).item_id == items[1]


def _one_more(database: ServiceDatabase, project: Project) -> int:
    with database.write() as session:
        row = ItemRow(project_id=project.id, sample_id="gold", image="0" * 64, width=8, height=8)
        session.add(row)
        session.flush()
        return row.id


def test_what_is_not_there_is_not_found(database: ServiceDatabase) -> None:
    project, _, users = asked_project(database, 1, 1)
    queue = Queue(database)
    with pytest.raises(NotFound, match="no user"):
        queue.lease(project.id, 999)
    with pytest.raises(NotFound, match="no project"):
        queue.lease(999, users[0])
    for deed in (
        lambda: queue.project_of(999),
        lambda: queue.renew(999, users[0], 1),
        lambda: queue.submit(999, users[0], 1, "key", Answer(1)),
    ):
        with pytest.raises(NotFound, match="no assignment 999"):
            deed()
    assert not queue.holds(999, users[0])


def test_a_lease_walks_along_the_index(database: ServiceDatabase) -> None:
    """However many answers there are, it looks at open assignments only, in their order, and sorts nothing."""
    project, _, users = asked_project(database, 500, 2)
    with database.write() as session:
        most = select(AssignmentRow.id).order_by(AssignmentRow.place).limit(400)
        session.execute(update(AssignmentRow).where(AssignmentRow.id.in_(most)).values(state="done"))
        session.execute(text("ANALYZE"))
    statements: list[tuple[str, Any]] = []
    event.listen(
        database.engine, "before_cursor_execute", lambda _, __, sql, named, *___: statements.append((sql, named))
    )
    Queue(database).lease(project.id, users[0])
    sql, named = next(each for each in statements if "skips" in each[0])
    explain = "EXPLAIN QUERY PLAN" if database.engine.dialect.name == "sqlite" else "EXPLAIN"
    with database.engine.connect() as connection:
        plan = str(connection.exec_driver_sql(f"{explain} {sql}", named).all())
    assert "assignments_in_order" in plan
    assert not any(word in plan for word in ("SCAN", "Seq Scan on assignments", "TEMP B-TREE", "Sort"))
