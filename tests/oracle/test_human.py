"""What a cycle asks becomes people's tasks; what they settle, and nothing else, becomes labels."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import squares
import tiny
from people import hire, work
from sqlalchemy import func, select

from alframe.errors import ConfigurationError, Unavailable
from alframe.labelling import Projects, Queue
from alframe.labelling.folder import open_service_folder
from alframe.labelling.items import Items
from alframe.labelling.settling import settlements
from alframe.labelling.webhooks.outbox import Webhooks
from alframe.oracle.human import Human
from alframe.pool import Ledger
from alframe.storage import open_database
from alframe.storage.service import ServiceDatabase
from alframe.storage.service.tables import DeliveryRow, TaskRow
from alframe.types import Annotation, Label, Object, Objects, Prediction, Query

IDS = tuple(f"bars/{row:03d}" for row in range(6))
TRUTH = dict(zip(tiny.Bars().table.ids.tolist(), tiny.Bars().table.labels.tolist(), strict=True))

MakeHuman = Callable[..., Human]


@pytest.fixture
def human(tmp_path: Path, service_url: str, database: ServiceDatabase) -> Iterator[MakeHuman]:  # noqa: ARG001 (is migrated)
    """Builds the oracle of a run named tiny."""
    made: list[Human] = []

    def make(source: Any = None, **options: Any) -> Human:
        options = {"project": "tiny", "service": str(tmp_path / "service"), "database": service_url} | options
        made.append(Human(source or tiny.Bars(), **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


def query(round: int = 1, ids: tuple[str, ...] = IDS, scores: tuple[float, ...] | None = None) -> Query:
    return Query(round, ids, scores, "Entropy", f"model {round}")


def counted(database: ServiceDatabase, *which: Any) -> int:
    with database.read() as session:
        return session.scalars(select(func.count()).select_from(TaskRow).where(*which)).one()


def labels(annotations: list[Annotation]) -> dict[str, Label | None]:
    return {each.sample_id: each.label for each in annotations}


def test_a_query_asked_twice_is_one_set_of_tasks(human: MakeHuman, database: ServiceDatabase) -> None:
    """Asked again, by a process that was killed and started anew, there is no second task, item or image."""
    for _ in range(3):
        human().ask(query())
    project = Projects(database).named("tiny")
    assert (project.kind, project.classes) == ("classification", ("top", "middle", "bottom"))
    assert counted(database) == 6
    assert Queue(database).backlog(project.id) == 6


def test_what_people_agree_on_is_collected_with_its_version(human: MakeHuman, database: ServiceDatabase) -> None:
    """Two answers settle; one is none. The key names round, sample and version, the annotator who settled it."""
    oracle = human(settings={"overlap": 2})
    oracle.ask(query())
    assert oracle.collect(query()) == []
    ann, bob = hire(database, "ann", "bob")
    work(database, [ann], TRUTH.__getitem__)
    assert oracle.collect(query()) == []
    work(database, [bob], TRUTH.__getitem__)
    answers = oracle.collect(query())
    assert labels(answers) == {name: TRUTH[name] for name in IDS}
    assert {each.annotator for each in answers} == {"consensus: ann, bob"}
    assert answers[0].key == f"1/{IDS[0]}/settled/1"
    assert {(each.round, each.model, each.reason) for each in answers} == {(1, "model 1", None)}
    assert oracle.collect(query()) == human().collect(query()) == answers
    assert oracle.satisfied(query(), answers)
    assert not oracle.satisfied(query(), answers[:-1]) or counted(database, TaskRow.state == "open") == 0


def test_the_best_score_is_given_out_first(human: MakeHuman, database: ServiceDatabase) -> None:
    """By the strategy's scores; without any in the order in which it chose."""
    human().ask(query(scores=(0.1, 0.5, 0.3, 0.2, 0.6, 0.4)))
    (ann,) = hire(database, "ann")
    assert work(database, [ann], TRUTH.__getitem__) == [IDS[row] for row in (4, 1, 5, 2, 3, 0)]
    other = tuple(reversed([f"bars/{row:03d}" for row in range(10, 14)]))
    human().ask(query(2, other))
    assert work(database, [ann], TRUTH.__getitem__) == list(other)


def test_what_cannot_be_told_is_set_aside_with_its_reason(human: MakeHuman, database: ServiceDatabase) -> None:
    oracle = human()
    oracle.ask(query())
    work(database, hire(database, "ann"), lambda name: None if name == IDS[2] else TRUTH[name])
    told = {each.sample_id: (each.label, each.reason) for each in oracle.collect(query())}
    assert told[IDS[2]] == (None, "blurred")
    assert told[IDS[1]] == (TRUTH[IDS[1]], None)


def test_an_image_that_cannot_be_read_is_set_aside(human: MakeHuman, database: ServiceDatabase) -> None:
    """Nobody is asked about it, and the query does not wait for it."""
    from alframe.errors import UnreadableImage

    class Torn(tiny.Bars):
        def read(self, position: int, side: int | None = None) -> Any:
            if position == 3:
                raise UnreadableImage("torn")
            return super().read(position, side)

    oracle = human(Torn())
    oracle.ask(query())
    work(database, hire(database, "ann"), TRUTH.__getitem__)
    answers = oracle.collect(query())
    assert [each.sample_id for each in answers if each.label is None] == [IDS[3]]
    assert oracle.satisfied(query(), answers)


def test_a_part_can_be_enough(human: MakeHuman, database: ServiceDatabase) -> None:
    """Half of six is three: the other tasks are withdrawn, their samples have no annotation, and can be asked again."""
    oracle = human(enough=0.5)
    oracle.ask(query())
    (ann,) = hire(database, "ann")
    seen = work(database, [ann], TRUTH.__getitem__, most=2)
    assert not oracle.satisfied(query(), oracle.collect(query()))
    seen += work(database, [ann], TRUTH.__getitem__, most=1)
    answers = oracle.collect(query())
    assert set(labels(answers)) == set(seen)
    assert oracle.satisfied(query(), answers)
    assert counted(database, TaskRow.state == "withdrawn") == 3
    assert work(database, [ann], TRUTH.__getitem__) == []
    again = query(2, tuple(name for name in IDS if name not in seen))
    oracle.ask(again)
    assert set(work(database, [ann], TRUTH.__getitem__)) == set(again.ids)


def test_a_held_image_is_neither_asked_nor_waited_for(human: MakeHuman, database: ServiceDatabase) -> None:
    """A hold after the question takes the sample out of the batch; released, it may be asked about again."""
    oracle = human()
    assert oracle.withheld() == frozenset()
    oracle.ask(query())
    project = Projects(database).named("tiny")
    Items(database).hold(project.id, IDS[:1], "no consent", by="root")
    assert oracle.withheld() == {IDS[0]}
    assert set(work(database, hire(database, "ann"), TRUTH.__getitem__)) == set(IDS[1:])
    answers = oracle.collect(query())
    assert set(labels(answers)) == set(IDS[1:])
    assert oracle.satisfied(query(), answers)
    Items(database).release(project.id, IDS[:1], by="root")
    assert oracle.withheld() == frozenset()


@pytest.mark.parametrize("when", ["before it is asked", "when it is settled"])
def test_a_hold_that_comes_in_between_is_neither_waited_for_nor_delivered(
    human: MakeHuman, database: ServiceDatabase, when: str
) -> None:
    """Between the choice of a query and its question, or between the settlement and its delivery."""
    oracle = human()
    oracle.ask(query(0, IDS[:1]) if when == "before it is asked" else query())
    project = Projects(database).named("tiny")
    if when == "when it is settled":
        work(database, hire(database, "ann"), TRUTH.__getitem__)
        assert len(oracle.collect(query())) == len(IDS)
    Items(database).hold(project.id, IDS[:1], "no consent", by="root")
    if when == "before it is asked":
        oracle.ask(query())
        work(database, hire(database, "ann"), TRUTH.__getitem__)
    found = oracle.collect(query())
    assert labels(found).keys() == set(IDS[1:])
    assert oracle.satisfied(query(), found)
    account = oracle.account(query())
    assert account is not None
    assert {each.sample_id for each in account.labels} == set(IDS[1:])


def test_a_batch_of_which_nothing_came_is_not_enough(human: MakeHuman, database: ServiceDatabase) -> None:
    oracle = human()
    oracle.ask(query())
    Queue(database).withdraw(Projects(database).named("tiny").id, 1)
    assert not oracle.satisfied(query(), oracle.collect(query()))


def test_a_correction_is_a_new_entry_and_the_old_one_stays(human: MakeHuman, database: ServiceDatabase) -> None:
    """A later version has another key, and the round and model that asked; what is unchanged is not told again."""
    oracle = human()
    oracle.ask(query())
    work(database, hire(database, "ann"), TRUTH.__getitem__)
    first = oracle.collect(query())
    foreign = replace(first[0], key="1/bars/000/simulated", sample_id="bars/000")
    assert oracle.corrected([*first[1:], foreign]) == []
    project = Projects(database).named("tiny")
    wrong = (TRUTH[IDS[1]] + 1) % 3
    items = Items(database).page(project.id)
    with database.write() as session:
        item = next(each.id for each in items if each.sample_id == IDS[1])
        settlements.append(session, project, item, key="again", label=wrong, source="review", settled_by="rae")
    (corrected,) = oracle.corrected(first)
    expected = replace(first[1], key=f"1/{IDS[1]}/settled/2", label=wrong, annotator="review: rae")
    assert corrected == expected
    assert oracle.corrected([*first, corrected]) == []


def test_what_is_settled_already_is_asked_of_nobody(human: MakeHuman, database: ServiceDatabase) -> None:
    """A label that was imported, or came too late for the round that asked, is delivered to the next that asks."""
    oracle = human(enough=0.5)
    oracle.ask(query())
    work(database, hire(database, "ann"), TRUTH.__getitem__)
    assert len(oracle.collect(query())) == 6
    oracle.ask(query(4))
    assert counted(database, TaskRow.round == 4) == 0
    answers = oracle.collect(query(4))
    assert len(answers) == 6
    assert answers[0].key == f"4/{IDS[0]}/settled/1"


def test_a_task_has_what_the_model_said(human: MakeHuman, database: ServiceDatabase) -> None:
    oracle = human(overlap=2)
    oracle.ask(query(), {IDS[0]: Prediction(2, (0.1, 0.2, 0.7))})
    with database.read() as session:
        said = session.scalars(select(TaskRow.prediction)).all()
    assert sorted(str(each) for each in said) == ["None"] * 5 + ["{'label': 2, 'probs': [0.1, 0.2, 0.7]}"]
    (ann,) = hire(database, "ann")
    lease = Queue(database).lease(Projects(database).named("tiny").id, ann)
    assert lease is not None
    assert lease.prediction
    assert counted(database, TaskRow.model == "model 1") == 6


def test_what_the_model_is_sure_of_is_taken_without_people(human: MakeHuman, database: ServiceDatabase) -> None:
    """From the confidence on; all of it is checked here, and what people say instead is a correction."""
    oracle = human(settings={"auto_accept": {"confidence": 0.9, "audit_share": 1.0}})
    wrong = (TRUTH[IDS[0]] + 1) % 3
    said = {IDS[0]: Prediction(wrong, (0.97, 0.02, 0.01)), IDS[1]: Prediction(0, (0.8, 0.1, 0.1))}
    for _ in range(2):
        oracle.ask(query(), said)
    taken = oracle.collect(query())
    assert [(each.sample_id, each.label, each.annotator) for each in taken] == [(IDS[0], wrong, "auto: model 1")]
    assert counted(database, TaskRow.kind == "audit") == 1
    assert counted(database, TaskRow.kind == "label") == 5
    work(database, hire(database, "ann"), TRUTH.__getitem__)
    answers = oracle.collect(query())
    assert labels(answers) == {name: TRUTH[name] for name in IDS}
    (corrected,) = oracle.corrected(taken)
    assert (corrected.key, corrected.label) == (f"1/{IDS[0]}/settled/2", TRUTH[IDS[0]])


BATCH = tuple(f"bars/{row:03d}" for row in range(20))
NEXT = tuple(f"bars/{row:03d}" for row in range(20, 30))


def knows(ids: tuple[str, ...]) -> dict[str, Prediction]:
    """What a model says that is right, and the surer the later."""
    return {
        name: Prediction(
            TRUTH[name], tuple(0.6 + 0.01 * row if each == TRUTH[name] else 0.2 - 0.005 * row for each in range(3))
        )
        for row, name in enumerate(ids)
    }


def test_a_wrong_label_that_the_model_doubted_is_put_right(
    human: MakeHuman, database: ServiceDatabase, tmp_path: Path
) -> None:
    """Ann errs twice; the next round asks about one of ten again, among the new ones; the ledger gets its other label.

    Killed and asked again, also when somebody has answered in between, it adds nothing.
    """
    pytest.importorskip("cleanlab")
    oracle = human(settings={"relabel": 0.1, "lease_seconds": 60})
    oracle.ask(query(1, BATCH), knows(BATCH))
    assert counted(database, TaskRow.kind == "relabel") == 0
    (ann,) = hire(database, "ann")
    wrong = {name: (TRUTH[name] + 1) % 3 for name in BATCH[-2:]}
    work(database, [ann], lambda name: wrong.get(name, TRUTH[name]))
    engine = open_database(f"sqlite:///{tmp_path / 'run.sqlite'}")
    ledger = Ledger(engine)
    ledger.append(oracle.collect(query(1, BATCH)))
    assert ledger.current()[BATCH[-1]].label == wrong[BATCH[-1]]
    said = knows(NEXT)
    oracle.ask(query(2, NEXT), said)
    assert counted(database, TaskRow.kind == "relabel") == 1
    bob, cyd = hire(database, "bob", "cyd")
    seen = work(database, [bob], TRUTH.__getitem__)
    (again,) = set(seen) & set(BATCH)
    assert again in wrong
    assert seen[0] == again  # worth more than a new one of which the model is rather sure
    assert seen[1:] == list(NEXT)
    human().ask(query(2, NEXT), said)
    assert counted(database, TaskRow.kind == "relabel") == 1
    ledger.append(oracle.collect(query(2, NEXT)))
    assert oracle.corrected(ledger.current().values()) == []  # one says so, the other so
    work(database, [cyd], TRUTH.__getitem__)
    oracle.collect(query(2, NEXT))
    ledger.append(oracle.corrected(ledger.current().values()))
    held = ledger.current()[again]
    assert (held.key, held.label) == (f"1/{again}/settled/2", TRUTH[again])
    engine.dispose()
    assert oracle.satisfied(query(2, NEXT), oracle.collect(query(2, NEXT)))


def test_a_kill_between_the_two_questions_asks_the_rest_alone(
    human: MakeHuman, database: ServiceDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Labels were asked again, new ones not yet: these follow, in the same order, and nothing else is doubted."""
    pytest.importorskip("cleanlab")
    oracle = human(settings={"relabel": 0.1})
    oracle.ask(query(1, BATCH), knows(BATCH))
    wrong = {name: (TRUTH[name] + 1) % 3 for name in BATCH[-2:]}
    work(database, hire(database, "ann"), lambda name: wrong.get(name, TRUTH[name]))
    oracle.collect(query(1, BATCH))
    with monkeypatch.context() as patch:
        patch.setattr("alframe.oracle.human.current", raising)
        with pytest.raises(KeyboardInterrupt):
            oracle.ask(query(2, NEXT), knows(NEXT))
    asked = TaskRow.round == 2
    assert (counted(database, asked), counted(database, asked, TaskRow.kind == "relabel")) == (1, 1)
    human().ask(query(2, NEXT), knows(NEXT))
    assert (counted(database, asked), counted(database, asked, TaskRow.kind == "relabel")) == (11, 1)


def raising(*_: Any) -> None:
    raise KeyboardInterrupt


def test_without_doubts_the_strategy_orders(human: MakeHuman, database: ServiceDatabase) -> None:
    pytest.importorskip("cleanlab")
    oracle = human(settings={"relabel": 1.0})
    for round in (0, 1):
        ids = BATCH[round * 6 : round * 6 + 6]
        oracle.ask(query(round, ids, (0.1, 0.5, 0.3, 0.2, 0.6, 0.4)), knows(ids) if round else None)
        people = hire(database, f"person {round}")
        assert work(database, people, TRUTH.__getitem__) == [ids[row] for row in (4, 1, 5, 2, 3, 0)]
        oracle.collect(query(round, ids))


@pytest.mark.parametrize(
    ("objects", "taken"),
    [
        ((Object((1.0, 1.0, 6.0, 7.0), 0, score=0.95), Object((8.0, 8.0, 14.0, 14.0), 1, score=0.92)), True),
        ((Object((1.0, 1.0, 6.0, 7.0), 0, score=0.95), Object((8.0, 8.0, 14.0, 14.0), 1, score=0.3)), False),
        ((), False),
    ],
)
def test_objects_are_as_sure_as_the_least_sure_one(human: MakeHuman, objects: tuple[Object, ...], taken: bool) -> None:
    source = squares.Squares()
    oracle = human(source, kind="detection", settings={"auto_accept": {"confidence": 0.9}})
    asked = Query(1, (str(source.table.ids[0]),), None, "Random", "model 1")
    oracle.ask(asked, {asked.ids[0]: Prediction(Objects(objects))})
    assert (len(oracle.collect(asked)) == 1) == taken


def test_boxes_and_masks_are_asked_for_where_the_source_has_them(human: MakeHuman, database: ServiceDatabase) -> None:
    source = squares.Squares()
    oracle = human(source, settings={"rules": {"min_side": 2}})
    ids = tuple(source.table.ids[:2].tolist())
    asked = Query(0, ids, None, "Random", "")
    oracle.ask(asked)
    project = Projects(database).named("tiny")
    assert project.kind == ("segmentation" if source.has_masks else "detection")
    assert project.settings.rules.min_side == 2
    drawn = Objects((Object((1.0, 1.0, 6.0, 7.0), 0),))
    if project.kind == "detection":
        work(database, hire(database, "ann"), lambda _: drawn)
        assert labels(oracle.collect(asked)) == dict.fromkeys(ids, drawn)


def test_a_long_backlog_makes_batches_small(human: MakeHuman) -> None:
    """Ten may wait and six do: four more. Whatever waits, one is asked for."""
    oracle = human(settings={"backlog": 10})
    assert oracle.capacity(20) == 20  # nobody knows of the project yet
    oracle.ask(query())
    assert oracle.capacity(20) == 4
    assert oracle.capacity(3) == 3
    oracle.ask(query(2, tuple(f"bars/{row:03d}" for row in range(20, 30))))
    assert oracle.capacity(20) == 1


def test_new_classes_of_the_source_come_to_the_project(human: MakeHuman, database: ServiceDatabase) -> None:
    human().ask(query())

    grown = tiny.Bars()
    grown.classes = (*grown.classes, "none")  # type: ignore[assignment]  # longer than a class attribute says
    human(grown).ask(query(2))
    assert Projects(database).named("tiny").classes == ("top", "middle", "bottom", "none")


def test_a_project_of_something_else_is_refused(human: MakeHuman, database: ServiceDatabase) -> None:
    """Other classes, or another kind of label, would make nonsense of what people say."""
    Projects(database).create("tiny", "classification", ["cat", "dog"], by="root")
    with pytest.raises(ConfigurationError, match="for classification into cat, dog; this run wants"):
        human().ask(query())
    Projects(database).create("boxes", "detection", tiny.Bars.classes, by="root")
    with pytest.raises(ConfigurationError, match="for detection"):
        human(project="boxes").ask(query())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"enough": 0.0}, "enough"),
        ({"enough": 1.5}, "enough"),
        ({"poll": 0.0}, "poll"),
        ({"poll": float("nan")}, "poll"),
        ({"overlap": 0}, "overlap"),
        ({"project": " "}, "project"),
        ({"settings": {"overlap": 5, "max_overlap": 2}}, "max_overlap"),
        ({"settings": {"colour": "red"}}, "colour"),
        ({"kind": "detection"}, "whose labels are classes"),
    ],
)
def test_what_cannot_be_is_refused_at_once(options: dict[str, Any], said: str, tmp_path: Path) -> None:
    """Before there is a folder of the service."""
    with pytest.raises(ConfigurationError, match=said):
        Human(tiny.Bars(), **({"project": "tiny", "service": str(tmp_path / "service")} | options))
    assert not (tmp_path / "service").exists()


def test_objects_are_not_doubted() -> None:
    with pytest.raises(ConfigurationError, match="relabel is for classes"):
        Human(squares.Squares(), project="tiny", settings={"relabel": 0.1})


def test_doubts_need_cleanlab(human: MakeHuman, database: ServiceDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which is said where there are two classes that could be confused, and nothing has been asked."""
    oracle = human(settings={"relabel": 0.1})
    oracle.ask(query(1, BATCH), knows(BATCH))
    work(database, hire(database, "ann"), TRUTH.__getitem__)
    oracle.collect(query(1, BATCH))
    monkeypatch.setitem(sys.modules, "cleanlab.filter", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'alframe\[quality\]'"):
        oracle.ask(query(2, NEXT), knows(NEXT))
    assert counted(database, TaskRow.round == 2) == 0


def test_events_wait_for_the_webhooks_of_the_project(human: MakeHuman, database: ServiceDatabase) -> None:
    """Before there is a project nobody hears; then those that want the event."""
    oracle = human()
    oracle.tell("cycle.finished", {"round": 0})
    oracle.ask(query())
    project = Projects(database).named("tiny")
    Webhooks(database).add(project.id, "https://example.org/hook", ["model.promoted"], by="root")
    for event in ("cycle.finished", "model.promoted"):
        oracle.tell(event, {"round": 3})
    with database.read() as session:
        bodies = session.scalars(select(DeliveryRow.body)).all()
    assert [(each["event"], each["data"]) for each in bodies] == [("model.promoted", {"round": 3})]


def test_an_event_is_not_lost_while_the_database_is_away(
    human: MakeHuman, database: ServiceDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever tells hears of it, and tells again."""
    oracle = human()
    oracle.ask(query())
    Webhooks(database).add(Projects(database).named("tiny").id, "https://example.org", ["cycle.finished"], by="root")
    with monkeypatch.context() as away:
        away.setattr("alframe.oracle.human.announce", gone)
        with pytest.raises(Unavailable, match="does not answer"):
            oracle.tell("cycle.finished", {"round": 0})
    assert told(database) == 0
    oracle.tell("cycle.finished", {"round": 0})
    assert told(database) == 1


def told(database: ServiceDatabase) -> int:
    with database.read() as session:
        return len(session.scalars(select(DeliveryRow)).all())


def gone(*_: Any) -> None:
    raise ConnectionError("gone")


def test_images_are_kept_as_they_are(human: MakeHuman, tmp_path: Path) -> None:
    """What people are shown is what the source reads, pixel by pixel."""
    from alframe.data.images import decode_image

    human().ask(query())
    files = [path for path in (tmp_path / "service" / "images").rglob("*") if path.is_file() and len(path.name) == 64]
    kept = {decode_image(path).tobytes() for path in files}
    assert kept == {np.asarray(tiny.Bars().read(row)).tobytes() for row in range(6)}


def test_the_environment_names_the_database(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, service_url: str, database: ServiceDatabase
) -> None:
    """A URL with a password need not stand in a configuration, which is written down."""
    monkeypatch.setenv("ALFRAME_DATABASE", service_url)
    opened, _ = open_service_folder(tmp_path / "service")
    Projects(opened).create("there", "classification", ["a"], by="root")
    opened.close()
    assert Projects(database).named("there").classes == ("a",)
