"""Sure predictions are taken until people who check samples of them say no."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from queues import new_project
from sqlalchemy import select

from alframe.errors import InvalidInput
from alframe.labelling import Gold, Project, ProjectSettings
from alframe.labelling.items import Items
from alframe.labelling.settings import AutoAccept, Rules
from alframe.labelling.settling.settlements import append, current, history
from alframe.labelling.signals.auto_accept import Accepted, Confident, accept, audit, resume
from alframe.storage.service import ServiceDatabase
from alframe.storage.service.tables import AuditRow, TaskRow
from alframe.types import Object, Objects


def settings(**auto: Any) -> ProjectSettings:
    return ProjectSettings(auto_accept=AutoAccept.model_validate({"confidence": 0.9} | auto))


def take(
    database: ServiceDatabase, project: Project, items: list[int], round: int = 1, confidence: float = 0.99
) -> Accepted:
    sure = [Confident(item, item % 2, confidence) for item in items]
    return accept(database, project.id, round, sure, model="m1", rng=np.random.default_rng(round), by="root")


def check(database: ServiceDatabase, project: Project, items: tuple[int, ...], wrong: int) -> None:
    """People answer the audits of these items; the first ``wrong`` of them otherwise than the model."""
    with database.write() as session:
        for number, item in enumerate(items):
            task = session.scalars(select(TaskRow).where(TaskRow.item_id == item, TaskRow.kind == "audit")).one()
            label = (item + (number < wrong)) % 2
            append(
                session,
                project,
                item,
                key=f"consensus/{task.id}",
                label=label,
                source="consensus",
                settled_by="ann",
                task_id=task.id,
            )


def test_what_is_sure_is_taken_and_some_of_it_checked(database: ServiceDatabase) -> None:
    """About the share that is asked for, without the prediction before anybody's eyes; a repeat takes nothing more."""
    project, items, _ = new_project(database, 60, 1, settings(audit_share=0.3))
    sure = [Confident(item, 1, 0.95 if item in items[:50] else 0.89) for item in items]
    for seed in (0, 1):
        found = accept(database, project.id, 3, sure, model="m1", rng=np.random.default_rng(seed), by="root")
        if seed == 0:
            first = found
    assert found == first
    assert found.accepted == tuple(items[:50])
    assert 5 <= len(found.audited) <= 30
    assert set(found.audited) < set(found.accepted)
    held = current(database, project.id)
    assert {(each.source, each.settled_by, each.label, each.confidence) for each in held.values()} == {
        ("auto", "m1", 1, 0.95)
    }
    with database.read() as session:
        tasks = session.scalars(select(TaskRow)).all()
    assert {(task.kind, task.prediction, task.round) for task in tasks} == {("audit", None, 3)}


def test_what_may_not_be_taken_is_left_to_people(database: ServiceDatabase) -> None:
    """Labelled, gold and held items, and broken rules."""
    strict = settings().model_copy(update={"rules": Rules(needs_rationale=["dog"])})
    project, items, _ = new_project(database, 6, 1, strict)
    with database.write() as session:
        append(session, project, items[0], key="x", label=0, source="import", settled_by="x")
    Gold(database).add(project.id, items[1], 0, by="root")
    Items(database).hold(project.id, ["2"], "no consent", by="root")
    sure = [Confident(item, 1 if item == items[3] else 0, 1.0) for item in items]
    found = accept(database, project.id, 1, sure, model="m", rng=np.random.default_rng(0), by="root")
    assert found.accepted == (items[4], items[5])


def test_safety_critical_classes_are_left_to_people(database: ServiceDatabase) -> None:
    project, items, _ = new_project(database, 2, 1, settings().model_copy(update={"safety_critical": ["dog"]}))
    sure = [Confident(items[0], 0, 1.0), Confident(items[1], 1, 1.0)]
    found = accept(database, project.id, 1, sure, model="m", rng=np.random.default_rng(0), by="root")
    assert found.accepted == (items[0],)


def test_nothing_is_taken_unless_the_project_says_so(database: ServiceDatabase) -> None:
    project, items, _ = new_project(database, 3, 1)
    assert take(database, project, items) == Accepted((), ())
    with pytest.raises(InvalidInput, match="probabilities"):
        take(database, project, items, confidence=99.0)


def test_what_people_say_overrules_what_was_taken(database: ServiceDatabase) -> None:
    """In a new version: what the model of that time trained on can still be named."""
    project, items, _ = new_project(database, 4, 1, settings(audit_share=1.0))
    found = take(database, project, items)
    check(database, project, found.audited[:1], wrong=1)
    versions = history(database, found.audited[0])
    assert [(each.source, each.label) for each in versions] == [
        ("auto", items[0] % 2),
        ("consensus", (items[0] + 1) % 2),
    ]


def test_an_audit_that_fails_stops_it_until_a_manager_says_so(database: ServiceDatabase) -> None:
    """Half of the audited ones wrong: nothing more is taken, the trail says why; resuming counts from nothing."""
    project, items, _ = new_project(database, 60, 1, settings(audit_share=1.0, least_accuracy=0.9))
    first = take(database, project, items[:30])
    check(database, project, first.audited, wrong=15)
    found = audit(database, project.id)
    assert (found.audited, found.right) == (30, 15)
    assert found.interval[0] < 0.5 < found.interval[1] < 0.9
    assert found.stopped == "of 30 audited predictions 15 were right; 90.0% are asked for"
    assert take(database, project, items[30:40], round=2) == Accepted((), (), found.stopped)
    resume(database, project.id, by="ann")
    assert audit(database, project.id).audited == 0
    second = take(database, project, items[30:40], round=2)
    assert len(second.accepted) == 10
    check(database, project, second.audited, wrong=0)
    assert (audit(database, project.id).audited, audit(database, project.id).stopped) == (10, None)
    with database.read() as session:
        deeds = session.execute(select(AuditRow.action, AuditRow.actor).order_by(AuditRow.entry)).all()
    assert [tuple(deed) for deed in deeds if deed.action.startswith("auto_accept.")] == [
        ("auto_accept.accept", "root"),
        ("auto_accept.stop", "system"),
        ("auto_accept.resume", "ann"),
        ("auto_accept.accept", "root"),
    ]


def test_too_few_audits_decide_nothing(database: ServiceDatabase) -> None:
    project, items, _ = new_project(database, 19, 1, settings(audit_share=1.0))
    found = take(database, project, items)
    check(database, project, found.audited, wrong=19)
    assert audit(database, project.id).stopped is None


def test_objects_are_right_where_they_match(database: ServiceDatabase) -> None:
    project, (item, other), _ = new_project(database, 2, 1, settings(audit_share=1.0), kind="detection")
    drawn = Objects((Object((0, 0, 4, 4), 0),))
    sure = [Confident(item, drawn, 0.95), Confident(other, drawn, 0.95)]
    accept(database, project.id, 0, sure, model="m", rng=np.random.default_rng(0), by="root")
    answers = {item: Objects((Object((0, 0, 4, 3), 0),)), other: Objects((Object((4, 4, 8, 8), 0),))}
    with database.write() as session:
        for task in session.scalars(select(TaskRow)).all():
            said = answers[task.item_id]
            append(
                session,
                project,
                task.item_id,
                key=f"{task.id}",
                label=said,
                source="consensus",
                settled_by="x",
                task_id=task.id,
            )
    found = audit(database, project.id)
    assert (found.audited, found.right) == (2, 1)
