"""Labels that a model doubts are asked about again, beside new items."""

from __future__ import annotations

import numpy as np
import pytest
from answered import Given, write_answers
from queues import new_project
from sqlalchemy import select

from alframe.errors import InvalidInput
from alframe.labelling import NewTask, Project, Projects, Queue
from alframe.labelling.settling.settlements import append
from alframe.labelling.signals.relabelling import Suspect, Worth, queue_relabels, stored_probs, suspects, worth
from alframe.storage.service import ServiceDatabase
from alframe.storage.service.tables import AssignmentRow, TaskRow
from alframe.types import Prediction

pytest.importorskip("cleanlab")


@pytest.fixture
def told(database: ServiceDatabase) -> tuple[Project, list[int], dict[int, np.ndarray]]:
    """40 items of which 30 are labelled by two people, the fourth and fifth wrongly; a model that knows better."""
    project, items, (ann, bob) = new_project(database, 40, 2)
    truth = np.arange(40) % 2
    said = truth.copy()
    said[[3, 4]] = 1 - said[[3, 4]]
    given = [Given(items[row], who, int(said[row])) for row in range(30) for who in (ann, bob)]
    write_answers(database, project, given, state="settled")
    with database.write() as session:
        for row in range(30):
            label = int(said[row])
            append(session, project, items[row], key=str(row), label=label, source="consensus", settled_by="x")
    sure = np.random.default_rng(0).uniform(0.85, 0.95, 40)
    sure[35] = 0.5
    probs = {item: np.where(np.arange(2) == truth[row], sure[row], 1 - sure[row]) for row, item in enumerate(items)}
    return project, items, probs


def test_wrong_labels_are_found(
    database: ServiceDatabase, told: tuple[Project, list[int], dict[int, np.ndarray]]
) -> None:
    """Items without a label are passed over."""
    project, items, probs = told
    found = suspects(database, project.id, probs)
    assert {each.item_id for each in found} == {items[3], items[4]}
    assert [each.quality for each in found] == sorted(each.quality for each in found)
    assert all((each.sample_id, each.predicted) in {("3", 1), ("4", 0)} for each in found)
    assert all(each.quality == pytest.approx(probs[each.item_id][each.label]) for each in found)
    assert suspects(database, project.id, {items[39]: probs[items[39]]}) == []


def test_doubted_and_new_items_are_on_one_scale(
    database: ServiceDatabase, told: tuple[Project, list[int], dict[int, np.ndarray]]
) -> None:
    """Nobody's item that the model cannot tell is worth more than one that two people and the model agree on."""
    project, items, probs = told
    found = worth(database, project.id, probs)
    assert sorted(found.again) == items[:30]
    assert sorted(found.first) == items[30:]
    assert max(found.first, key=found.first.__getitem__) == items[35]
    assert {*sorted(found.again, key=found.again.__getitem__)[-2:]} == {items[3], items[4]}
    assert found.first[items[35]] > found.again[items[0]]


def test_relabels_wait_in_the_order_of_their_worth(
    database: ServiceDatabase, told: tuple[Project, list[int], dict[int, np.ndarray]]
) -> None:
    """One person more each, once, the model's opinion not shown; no more than there is room for."""
    project, items, probs = told
    found, worths = suspects(database, project.id, probs), worth(database, project.id, probs)
    for round, new in ((4, 2), (4, 0), (5, 0), (None, 0)):
        assert queue_relabels(database, project.id, round, found, worths, model="m", limit=10) == new
    with database.read() as session:
        rows = session.execute(
            select(TaskRow, AssignmentRow.score)
            .join(AssignmentRow, AssignmentRow.task_id == TaskRow.id)
            .where(TaskRow.kind == "relabel")
        ).all()
    assert {task.item_id: score for task, score in rows} == {item: worths.again[item] for item in (items[3], items[4])}
    assert {task.prediction for task, _ in rows} == {None}


def test_the_limit_keeps_what_is_worth_most(database: ServiceDatabase) -> None:
    project, items, _ = new_project(database, 3, 1)
    doubted = [Suspect(item, str(item), 0, 1, 0.1) for item in items]
    worths = Worth({items[0]: 0.2, items[1]: 0.9}, {items[2]: 1.0})
    assert queue_relabels(database, project.id, 1, doubted, worths, model="m", limit=1) == 1
    with database.read() as session:
        assert session.scalars(select(TaskRow.item_id)).all() == [items[1]]


def test_likely_errors_are_found_among_classes(database: ServiceDatabase) -> None:
    cars = Projects(database).create("cars", "detection", ["car"], by="root")
    with pytest.raises(InvalidInput, match="among classes"):
        suspects(database, cars.id, {})
    project, items, _ = new_project(database, 1, 1)
    with pytest.raises(InvalidInput, match="among classes"):
        stored_probs(database, cars.id)
    with database.write() as session:
        append(session, project, items[0], key="x", label=0, source="import", settled_by="x")
    with pytest.raises(InvalidInput, match="3 classes, the project has 2"):
        suspects(database, project.id, {items[0]: [0.5, 0.25, 0.25]})


def test_stored_probabilities_are_those_of_the_latest_round_that_asked(database: ServiceDatabase) -> None:
    """Those of fewer classes than there are by now, and what gold was made with, are none."""
    project, items, (ann,) = new_project(database, 4, 1)
    queue = Queue(database)
    queue.ask(project.id, 5, [NewTask(items[0], prediction=Prediction(1, (0.25, 0.75)))])
    queue.ask(project.id, 3, [NewTask(item, prediction=Prediction(0, (0.6, 0.4))) for item in items[:2]])
    queue.ask(project.id, 3, [NewTask(items[2]), NewTask(items[3], prediction=Prediction(0, (1.0,)))])
    write_answers(database, project, [Given(items[2], ann, 0)], kind="gold")
    assert stored_probs(database, project.id) == {items[0]: (0.25, 0.75), items[1]: (0.6, 0.4)}
    Projects(database).extend(project.id, ["cow"], by="root")
    assert stored_probs(database, project.id) == {}


def test_what_nobody_answered_or_everybody_did_has_its_worth(database: ServiceDatabase) -> None:
    """Labels that were imported were answered by nobody; a batch may leave nothing that is new."""
    project, items, (ann,) = new_project(database, 3, 1)
    probs = dict.fromkeys(items, (0.75, 0.25))
    assert worth(database, project.id, probs).again == {}
    assert sorted(worth(database, project.id, probs).first) == items
    write_answers(database, project, [Given(item, ann, row % 2) for row, item in enumerate(items)])
    assert sorted(worth(database, project.id, probs).again) == items
    assert worth(database, project.id, probs).first == {}
