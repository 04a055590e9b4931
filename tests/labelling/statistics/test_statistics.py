"""What a manager reads of a project is what plain counting gives."""

from __future__ import annotations

import json
from datetime import timedelta

import numpy as np
import pytest
from answered import FIRST_DAY, Given, write_answers
from queues import asked_project, new_project
from sqlalchemy import update

from alframe.functional import cohen_kappa, krippendorff_alpha, mean_matched_iou
from alframe.labelling import Projects, ProjectSettings
from alframe.labelling.settling.agreement import ITEMS
from alframe.labelling.settling.gold import Gold
from alframe.labelling.settling.settlements import append
from alframe.labelling.statistics.summary import AnnotatorLine, statistics
from alframe.storage.service import ServiceDatabase
from alframe.storage.service.tables import ItemRow, TaskRow, UserRow
from alframe.types import Object, Objects


def test_an_empty_project_has_empty_statistics(database: ServiceDatabase) -> None:
    project, _, _ = new_project(database, items=0, annotators=2)
    found = statistics(database, project.id)
    assert found.tasks == {"open": 0, "complete": 0, "review": 0, "settled": 0, "withdrawn": 0}
    assert (found.answers, found.cost, found.per_day, found.annotators, found.groups) == (0, 0.0, (), (), ())
    assert found.agreement.value is None
    assert [each.value for each in found.agreement.per_class] == [None, None]


def test_progress_is_counted(database: ServiceDatabase) -> None:
    """Tasks by state, answers and settled tasks by day, cost by answer; gold is no progress but costs."""
    project, items, (ann, bob) = new_project(database, 6, 2, ProjectSettings(cost=0.5))
    write_answers(database, project, [Given(items[0], ann, 0, day=0), Given(items[1], ann, 1, day=1)], state="settled")
    write_answers(database, project, [Given(items[2], bob, None, day=1)], state="review")
    write_answers(database, project, [Given(items[3], bob, 1, day=3)], kind="gold", state="settled")
    with database.write() as session:
        settled = TaskRow.item_id.in_(items[:2])
        session.execute(update(TaskRow).where(settled).values(settled_at=FIRST_DAY + timedelta(days=2)))
        append(session, project, items[0], key="a", label=0, source="consensus", settled_by="x")
        append(session, project, items[0], key="b", label=1, source="review", settled_by="x")
        append(session, project, items[1], key="c", label=1, source="consensus", settled_by="x")
        append(session, project, items[2], key="d", label=None, reason="dark", source="review", settled_by="x")
    found = statistics(database, project.id)
    assert found.tasks == {"open": 0, "complete": 0, "review": 1, "settled": 2, "withdrawn": 0}
    assert (found.answers, found.cost) == (4, 2.0)
    days = [(each.day, each.answers, each.settled) for each in found.per_day]
    assert days == [("2026-01-01", 1, 0), ("2026-01-02", 2, 0), ("2026-01-03", 0, 2), ("2026-01-04", 1, 0)]
    assert [(each.class_, each.settled) for each in found.classes] == [("cat", 0), ("dog", 2)]


def test_the_backlog_is_what_waits_for_answers(database: ServiceDatabase) -> None:
    project, _, _ = asked_project(database, items=3, annotators=1)
    assert statistics(database, project.id).backlog == 3


def test_agreement_is_that_of_the_votes(database: ServiceDatabase) -> None:
    """Alpha in all, by day and by group, and kappa of each two, against the functions on a table of votes."""
    project, items, people = new_project(database, 40, 3)
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 40)
    votes = np.where(rng.random((40, 3)) < 0.8, truth[:, None], 1 - truth[:, None])
    votes[rng.random((40, 3)) < 0.2] = -1
    day, group = np.arange(40) % 2, np.array(["north", "south", "west", ""])[np.arange(40) % 4]
    with database.write() as session:
        for item, place in zip(items, group, strict=True):
            session.execute(update(ItemRow).where(ItemRow.id == item).values(group=str(place)))
    given = [
        Given(items[row], people[column], int(votes[row, column]), int(day[row]))
        for row in range(40)
        for column in range(3)
        if votes[row, column] >= 0
    ]
    write_answers(database, project, given)
    found = statistics(database, project.id)
    assert found.agreement.measure == "alpha"
    assert found.agreement.value == pytest.approx(krippendorff_alpha(votes, 2))
    for each in found.agreement.pairs:
        first, second = people.index(each.first), people.index(each.second)
        assert each.value == pytest.approx(cohen_kappa(votes[:, first], votes[:, second], 2))
        assert each.shared == int(((votes[:, first] >= 0) & (votes[:, second] >= 0)).sum())
    assert len(found.agreement.pairs) == 3
    by_day = {each.day: each.value for each in found.agreement.over_time}
    assert by_day["2026-01-02"] == pytest.approx(krippendorff_alpha(votes[day == 1], 2))
    by_group = {each.group: each.agreement for each in found.groups}
    assert by_group["south"] == pytest.approx(krippendorff_alpha(votes[group == "south"], 2))
    assert list(by_group) == ["", "north", "south", "west"]


def test_gold_is_left_out_of_agreement(database: ServiceDatabase) -> None:
    """Items chosen for being clear say nothing of the others."""
    project, items, (ann, bob) = new_project(database, 4, 2)
    Gold(database).add(project.id, items[3], 0, by="root")
    write_answers(database, project, [Given(items[0], ann, 0), Given(items[0], bob, 1), Given(items[1], ann, 1)])
    before = statistics(database, project.id)
    write_answers(database, project, [Given(items[3], ann, 0), Given(items[3], bob, 0)], kind="gold")
    after = statistics(database, project.id)
    assert after.agreement == before.agreement
    assert after.answers == before.answers + 2


def test_a_group_that_nobody_asks_about_is_seen(database: ServiceDatabase) -> None:
    project, items, (ann, _) = new_project(database, 4, 2)
    with database.write() as session:
        session.execute(update(ItemRow).where(ItemRow.id.in_(items[:2])).values(group="night"))
        append(session, project, items[2], key="a", label=0, source="import", settled_by="x")
    write_answers(database, project, [Given(items[2], ann, 0), Given(items[3], ann, 0)])
    lines = [(each.group, each.items, each.queried, each.labelled) for each in statistics(database, project.id).groups]
    assert lines == [("", 2, 1.0, 0.5), ("night", 2, 0.0, 0.0)]


def test_annotators_are_told_apart(database: ServiceDatabase) -> None:
    """Two who know, one who always says the same: medians, gold and verdicts by name."""
    project, items, people = new_project(database, 60, 3)
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 2, 60)
    for item, label in zip(items[:10], truth, strict=False):
        Gold(database).add(project.id, item, int(label), by="root")
    given = [
        Given(item, person, int(label) if person != people[2] else 0, seconds=float(row % 3) if person else None)
        for person in people
        for row, (item, label) in enumerate(zip(items, truth, strict=True))
    ]
    write_answers(database, project, [each for each in given if each.item_id not in items[:10]])
    write_answers(database, project, [each for each in given if each.item_id in items[:10]], kind="gold")
    first, second, third = statistics(database, project.id).annotators
    assert first == AnnotatorLine(people[0], "annotator 0", 60, 1.0, 10, 10, first.skill, "good")
    assert (second.gold_right, second.verdict) == (10, "good")
    assert (third.gold_right, third.verdict) == (int((truth[:10] == 0).sum()), "constant")
    assert first.skill is not None
    assert third.skill is not None
    assert first.skill > 0.9 > third.skill


def test_objects_agree_by_their_overlap(database: ServiceDatabase) -> None:
    """The mean IoU of matched objects, and of each class, against the function on each pair of answers."""
    project = Projects(database).create("cars", "detection", ["car", "van", "bus"], by="root")
    with database.write() as session:
        users = [UserRow(name=name) for name in "abc"]
        rows = [
            ItemRow(project_id=project.id, sample_id=str(number), image="0" * 64, width=20, height=10)
            for number in range(3)
        ]
        session.add_all([*users, *rows])
        session.flush()
        ann, bob, cid = (user.id for user in users)
        items = [row.id for row in rows]
    whole, half = Object((0, 0, 4, 4), 0), Object((0, 0, 4, 2), 0)
    van, shifted = Object((10, 0, 14, 4), 1), Object((11, 0, 15, 4), 1)
    said = {
        (items[0], ann): Objects((whole, van)),
        (items[0], bob): Objects((half, shifted)),
        (items[0], cid): Objects((whole,)),
        (items[1], ann): Objects((van,)),
        (items[1], bob): Objects(()),
        (items[2], cid): Objects((van,)),
    }
    write_answers(database, project, [Given(item, who, label) for (item, who), label in said.items()])
    found = statistics(database, project.id)
    two = {
        (ann, bob): [mean_matched_iou(said[item, ann], said[item, bob]) for item in items[:2]],
        (ann, cid): [mean_matched_iou(said[items[0], ann], said[items[0], cid])],
        (bob, cid): [mean_matched_iou(said[items[0], bob], said[items[0], cid])],
    }
    assert found.agreement.measure == "iou"
    assert found.agreement.value == pytest.approx(np.mean([value for values in two.values() for value in values]))
    for each in found.agreement.pairs:
        assert each.value == pytest.approx(np.mean(two[each.first, each.second]))
        assert each.shared == len(two[each.first, each.second])
    assert len(found.agreement.pairs) == 3
    car, other, bus = (each.value for each in found.agreement.per_class)
    assert car == pytest.approx(np.mean([0.5, 1.0, 0.5]))
    assert other == pytest.approx(np.mean([0.6, 0.0, 0.0, 0.0]))
    assert bus is None
    assert {each.verdict for each in found.annotators} == {None}


def test_only_the_latest_objects_are_compared(database: ServiceDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ITEMS > 100
    monkeypatch.setattr("alframe.labelling.settling.agreement.ITEMS", 1)
    project = Projects(database).create("cars", "detection", ["car"], by="root")
    with database.write() as session:
        users = [UserRow(name=name) for name in "ab"]
        rows = [ItemRow(project_id=project.id, sample_id=str(n), image="", width=9, height=9) for n in range(2)]
        session.add_all([*users, *rows])
        session.flush()
    one, other = Objects((Object((0, 0, 4, 4), 0),)), Objects((Object((0, 0, 4, 2), 0),))
    given = [Given(rows[0].id, users[0].id, one), Given(rows[0].id, users[1].id, one)]
    given += [Given(rows[1].id, users[0].id, one), Given(rows[1].id, users[1].id, other)]
    write_answers(database, project, given)
    assert statistics(database, project.id).agreement.value == 0.5


def test_the_document_is_what_the_page_reads(database: ServiceDatabase) -> None:
    """Keys as ``docs/labelling.md`` has them, and values that JSON has words for."""
    project, items, (ann, bob) = new_project(database, 2, 2)
    write_answers(database, project, [Given(items[0], ann, 0), Given(items[0], bob, 0)])
    document = json.loads(json.dumps(statistics(database, project.id).document(), allow_nan=False))
    assert list(document) == [
        *("tasks", "backlog", "answers", "cost", "per_day"),
        *("annotators", "agreement", "classes", "groups"),
    ]
    assert document["agreement"]["per_class"][0] == {"class": "cat", "value": None}
    assert document["agreement"]["pairs"] == [{"first": ann, "second": bob, "value": None, "shared": 1}]
    assert list(document["annotators"][0]) == [
        *("id", "name", "answers", "seconds", "gold_asked", "gold_right", "skill", "verdict"),
    ]


def test_held_items_do_not_count(database: ServiceDatabase) -> None:
    """Neither they, nor what was asked, said or settled of them."""
    project, items, (ann,) = new_project(database, 2, 1)
    write_answers(database, project, [Given(items[0], ann, 0), Given(items[1], ann, 1)], state="settled")
    with database.write() as session:
        for item in items:
            append(session, project, item, key=f"{item}", label=1, source="consensus", settled_by="x")
        session.execute(update(ItemRow).where(ItemRow.id == items[0]).values(held="no consent", group="held"))
    found = statistics(database, project.id)
    assert found.tasks["settled"] == found.answers == 1
    assert [(each.class_, each.settled) for each in found.classes] == [("cat", 0), ("dog", 1)]
    assert [(each.group, each.items, each.queried, each.labelled) for each in found.groups] == [("", 1, 1.0, 1.0)]
