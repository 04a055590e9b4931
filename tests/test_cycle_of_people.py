"""A cycle whose oracle are people: it waits, goes on with what they settle, and can name every label it learnt from."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import tiny
from databases import PostgresServer
from people import hire, work
from sqlalchemy import select
from typer.testing import CliRunner

from alframe.cli import app
from alframe.cycle import Plan
from alframe.errors import Conflict, LabelsPending, NotFound, Unavailable
from alframe.labelling import Projects
from alframe.labelling.items import Items
from alframe.labelling.settling import settlements
from alframe.labelling.webhooks.outbox import Webhooks
from alframe.models import opened_models
from alframe.oracle import Oracle, wait
from alframe.oracle.human import Human
from alframe.pool import Ledger, LedgerEntry
from alframe.run import opened, run
from alframe.storage import Journal, load_record, open_database
from alframe.storage.service import ServiceDatabase, open_service
from alframe.storage.service.tables import DeliveryRow, ItemRow, TaskRow
from alframe.types import Annotation, CurvePoint, Query, ReplayRecord

TRUTH = dict(zip(tiny.Bars().table.ids.tolist(), tiny.Bars().table.labels.tolist(), strict=True))
KILLED = -signal.SIGKILL


@pytest.fixture
def oracle(tmp_path: Path, service_url: str, database: ServiceDatabase) -> Callable[..., Any]:  # noqa: ARG001 (is migrated)
    """Builds the oracle's constructor: what a run takes."""

    def make(**options: Any) -> Any:
        usual: dict[str, Any] = {"project": "tiny", "service": str(tmp_path / "service"), "database": service_url}
        return partial(Human, **(usual | {"poll": 0.01} | options))

    return make


@contextmanager
def somebody(database: ServiceDatabase, **options: Any) -> Iterator[list[str]]:
    """A person who labels, rightly, whatever is asked while the block runs; what they saw."""
    stop, seen = Event(), list[str]()

    def label() -> None:
        ann: list[int] = []
        while not stop.wait(0.01):
            try:
                ann = ann or hire(database, "ann")
                seen.extend(work(database, ann, TRUTH.__getitem__, **options))
            except NotFound:
                continue  # nobody was asked anything yet

    person = Thread(target=label)
    person.start()
    try:
        yield seen
    finally:
        stop.set()
        person.join()


def entries(folder: Path) -> list[LedgerEntry]:
    engine = open_database(f"sqlite:///{folder / 'run.sqlite'}")
    try:
        return Ledger(engine).entries()
    finally:
        engine.dispose()


def points(folder: Path) -> list[int]:
    return [load_record(path, CurvePoint).labels for path in sorted(folder.glob("round-*/evaluation.json"))]


def rounds_of(folder: Path) -> list[Query]:
    return [load_record(path, Query) for path in sorted(folder.glob("round-*/query.json"))]


def test_a_run_waits_for_people_and_goes_on_by_itself(
    tmp_path: Path, oracle: Any, database: ServiceDatabase, capsys: pytest.CaptureFixture[str]
) -> None:
    """One command: three queries, each labelled by a person; the ledger has their labels, and webhooks their events."""
    Projects(database).create("tiny", "classification", tiny.Bars.classes, by="root")
    events = ["batch.completed", "cycle.finished", "model.promoted"]
    Webhooks(database).add(Projects(database).named("tiny").id, "https://example.org", events, by="root")  # type: ignore[arg-type]
    with somebody(database) as seen:
        run(tiny.parts(oracle=oracle()), tmp_path / "run", tiny.CONFIG)
    assert points(tmp_path / "run") == [6, 10, 14]
    said = {each.annotation.sample_id: each.annotation for each in entries(tmp_path / "run")}
    assert {name: each.label for name, each in said.items()} == {name: TRUTH[name] for name in seen}
    assert {each.annotator for each in said.values()} == {"consensus: ann"}
    assert sorted(seen) == sorted(name for query in rounds_of(tmp_path / "run") for name in query.ids)
    assert "waiting for people: http://127.0.0.1:8000, project tiny" in capsys.readouterr().out
    with database.read() as session:
        told = session.scalars(select(DeliveryRow.body).order_by(DeliveryRow.id)).all()
        guessed = session.execute(select(TaskRow.round, TaskRow.prediction)).all()
    assert [(each["event"], each["data"]["round"]) for each in told] == [
        (event, round) for round in range(3) for event in ("batch.completed", "model.promoted", "cycle.finished")
    ]
    assert all((said is None) == (round == 0) for round, said in guessed)
    assert all(len(said["probs"]) == 3 and said["label"] in range(3) for round, said in guessed if round)
    page = (tmp_path / "run" / "report.html").read_text()
    assert "<h2>Labels</h2>" in page
    assert "14 labels: 14 by consensus." in page
    run(tiny.parts(oracle=oracle()), tmp_path / "run", tiny.CONFIG)  # is over: nobody is told or asked again
    with database.read() as session:
        assert len(session.scalars(select(DeliveryRow.id)).all()) == len(told)


def test_a_run_that_does_not_wait_goes_on_later(tmp_path: Path, oracle: Any, database: ServiceDatabase) -> None:
    """Each command ends where labels are missing, with those that came kept; the same command goes on."""
    parts = tiny.parts(oracle=oracle(wait=False), cycle=Plan(initial=6, batch=4, rounds=1))
    with pytest.raises(LabelsPending, match="6 of the 6 labels of round 0"):
        run(parts, tmp_path / "run", tiny.CONFIG)
    ann = hire(database, "ann")
    work(database, ann, TRUTH.__getitem__, most=2)
    with pytest.raises(LabelsPending, match="4 of the 6"):
        run(parts, tmp_path / "run", tiny.CONFIG)
    assert len(entries(tmp_path / "run")) == 2
    work(database, ann, TRUTH.__getitem__)
    with pytest.raises(LabelsPending, match="4 of the 4 labels of round 1"):
        run(parts, tmp_path / "run", tiny.CONFIG)
    work(database, ann, TRUTH.__getitem__)
    run(parts, tmp_path / "run", tiny.CONFIG)
    assert points(tmp_path / "run") == [6, 10]


def test_a_correction_reaches_the_next_model_and_history_stays(
    tmp_path: Path, oracle: Any, database: ServiceDatabase
) -> None:
    """A label of round 0 is changed while round 1 waits: its model learns the new one, that of round 0 saw the old."""
    parts = tiny.parts(oracle=oracle(wait=False), cycle=Plan(initial=6, batch=4, rounds=1))
    with pytest.raises(LabelsPending):
        run(parts, tmp_path / "run", tiny.CONFIG)
    ann = hire(database, "ann")
    wronged, *_ = rounds_of(tmp_path / "run")[0].ids
    work(database, ann, lambda name: (TRUTH[name] + (name == wronged)) % 3)
    with pytest.raises(LabelsPending):
        run(parts, tmp_path / "run", tiny.CONFIG)
    project = Projects(database).named("tiny")
    with database.write() as session:
        item = session.scalars(select(ItemRow.id).where(ItemRow.sample_id == wronged)).one()
        settlements.append(
            session, project, item, key="seen again", label=TRUTH[wronged], source="review", settled_by="rae"
        )
    work(database, ann, TRUTH.__getitem__)
    run(parts, tmp_path / "run", tiny.CONFIG)
    about = [each.annotation for each in entries(tmp_path / "run") if each.annotation.sample_id == wronged]
    assert [(each.key, each.label) for each in about] == [
        (f"0/{wronged}/settled/1", (TRUTH[wronged] + 1) % 3),
        (f"0/{wronged}/settled/2", TRUTH[wronged]),
    ]
    record = load_record(tmp_path / "run" / "round-001" / "replay.json", ReplayRecord)
    assert wronged in record.new
    with opened_models(tmp_path / "run") as models:
        learnt = [
            {each.annotation.sample_id: each.annotation for each in models.labels(version)}
            for version in models.versions()
        ]
    assert [len(each) for each in learnt] == [6, 10]
    assert [each[wronged].annotator for each in learnt] == ["consensus: ann", "review: rae"]
    shown = CliRunner().invoke(app, ["models", "labels", str(tmp_path / "run"), "0"]).output.splitlines()
    wrong = tiny.Bars.classes[(TRUTH[wronged] + 1) % 3]
    assert shown[0] == "entry,sample,label,key,annotator,created_at"
    assert len(shown) == 7
    assert any(line.split(",")[1:4] == [wronged, wrong, f"0/{wronged}/settled/1"] for line in shown)


def test_what_is_held_is_not_queried_while_it_is(tmp_path: Path, oracle: Any, database: ServiceDatabase) -> None:
    """The queries, which would be all that is left, go without it, and with it once it is released."""
    plan = Plan(initial=6, batch=60, rounds=1)
    parts = tiny.parts(oracle=oracle(wait=False), cycle=plan)
    with pytest.raises(LabelsPending):
        run(parts, tmp_path / "run", tiny.CONFIG)
    project, held = Projects(database).named("tiny"), rounds_of(tmp_path / "run")[0].ids[0]
    Items(database).hold(project.id, [held], "asked to be forgotten", by="root")
    ann = hire(database, "ann")
    for _ in range(2):
        work(database, ann, TRUTH.__getitem__)
        if len(rounds_of(tmp_path / "run")) == 1:
            with pytest.raises(LabelsPending):
                run(parts, tmp_path / "run", tiny.CONFIG)
    run(parts, tmp_path / "run", tiny.CONFIG)
    pool = int((~tiny.Bars().table.held_out).sum())
    assert points(tmp_path / "run") == [5, pool - 1]
    assert held not in rounds_of(tmp_path / "run")[1].ids
    Items(database).release(project.id, [held], by="root")
    work(database, ann, TRUTH.__getitem__)
    with opened(parts, tmp_path / "run", tiny.CONFIG) as cycle:
        cycle.go_on("released")
    assert rounds_of(tmp_path / "run")[2].ids == (held,)


def test_a_long_backlog_makes_the_next_batch_small(
    tmp_path: Path, oracle: Any, database: ServiceDatabase, capsys: pytest.CaptureFixture[str]
) -> None:
    """The plan wants four; three tasks may wait, and none does: three are asked for, and that is said in a line."""
    settings = {"backlog": 3}
    parts = tiny.parts(oracle=oracle(settings=settings, wait=False))
    with pytest.raises(LabelsPending):
        run(parts, tmp_path / "run", tiny.CONFIG)
    ann = hire(database, "ann")
    work(database, ann, TRUTH.__getitem__)
    with pytest.raises(LabelsPending, match="of the 3 labels of round 1"):
        run(parts, tmp_path / "run", tiny.CONFIG)
    assert "round   1   asks for 3 labels instead of 4" in capsys.readouterr().out


def test_a_run_killed_while_it_waits_asks_nobody_twice(tmp_path: Path, service_url: str) -> None:
    """Killed (SIGKILL) three times while it waits, it ends with the tasks of one that was never disturbed."""
    script = Path(__file__).with_name("kill_while_waiting.py")
    told = subprocess.run(
        [sys.executable, script, service_url, tmp_path],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert told.returncode == 0, told.stderr
    assert told.stdout.split() == ["6", "6", "6", "ended"]
    assert points(tmp_path / "run") == [6, 10]
    with_database = open_service(service_url)
    with with_database.read() as session:
        asked = session.execute(select(TaskRow.item_id, TaskRow.round)).all()
    with_database.close()
    assert len(asked) == len(set(asked)) == 10


def test_a_database_that_restarts_while_people_are_waited_for_is_waited_for_too(
    tmp_path: Path, postgres: PostgresServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """Stopped, away for two looks, and back: nothing is lost, the trouble and its end are said once each."""
    url = postgres.new_database()
    human = Human(tiny.Bars(), "tiny", str(tmp_path / "service"), url, poll=1.0)
    query = Query(0, tuple(list(TRUTH)[:3]), None, "Random", "")
    human.ask(query)

    def answer() -> None:
        database = open_service(url)
        work(database, hire(database, "ann"), TRUTH.__getitem__)
        database.close()

    script: list[Callable[[], None]] = [postgres.stop, lambda: None, postgres.start, answer]
    answers = wait(human, query, sleep=lambda _: script.pop(0)())
    human.close()
    assert {each.sample_id: each.label for each in answers} == {name: TRUTH[name] for name in query.ids}
    said = capsys.readouterr().out
    assert said.count("does not answer") == 1
    assert said.count("can be reached again") == 1


class Slow(Oracle):
    """Has one label more at each look; now and then nothing can be seen."""

    poll = 7.0

    def __init__(self) -> None:
        self.looks = 0

    def ask(self, query: Query, predictions: Any = None) -> None:
        raise AssertionError(f"asked while it waits: {query}, {predictions}")

    def collect(self, query: Query) -> list[Annotation]:
        self.looks += 1
        if self.looks in (2, 3):
            raise Unavailable("gone fishing")
        return [Annotation(name, name, 0, "ann", query.round, "") for name in query.ids[: self.looks - 1]]

    def where(self) -> str:
        return "the pond [north]"


def test_waiting_sleeps_between_two_looks(capsys: pytest.CaptureFixture[str]) -> None:
    """As long as the oracle says, and no longer than until it is satisfied; a line at the beginning and at the end."""
    pauses: list[float] = []
    answers = wait(Slow(), Query(3, ("a", "b", "c", "d"), None, "", ""), sleep=pauses.append)
    assert [each.sample_id for each in answers] == ["a", "b", "c", "d"]
    assert pauses == [7.0] * 4
    assert capsys.readouterr().out.splitlines() == [
        "round   3   0 of 4 samples labelled; waiting for people: the pond [north]",
        "gone fishing; still waiting",
        "round   3   the labels can be reached again",
        "round   3   4 of 4 samples labelled",
    ]


def test_what_goes_away_between_two_questions_is_waited_for() -> None:
    """The labels can be seen, and whether they are enough cannot: that is no end of the run either."""

    class Fickle(Slow):
        def satisfied(self, query: Query, annotations: Collection[Annotation]) -> bool:
            if self.looks == 5:
                raise Unavailable("gone fishing")
            return super().satisfied(query, annotations)

    oracle = Fickle()
    answers = wait(oracle, Query(3, ("a", "b", "c", "d"), None, "", ""), sleep=lambda _: None)
    assert ([each.sample_id for each in answers], oracle.looks) == (["a", "b", "c", "d"], 6)


def test_another_service_than_the_one_that_was_asked_is_refused(
    tmp_path: Path, oracle: Any, postgres: PostgresServer
) -> None:
    """Its samples would look as if nobody could be shown them."""
    with pytest.raises(LabelsPending):
        run(tiny.parts(oracle=oracle(wait=False)), tmp_path / "run", tiny.CONFIG)
    elsewhere = postgres.new_database()
    other = open_service(elsewhere)
    Projects(other).create("tiny", "classification", tiny.Bars.classes, by="root")
    other.close()
    with pytest.raises(Conflict, match="was never asked about"):
        run(tiny.parts(oracle=oracle(database=elsewhere)), tmp_path / "run", tiny.CONFIG)
    engine = open_database(f"sqlite:///{tmp_path / 'run' / 'run.sqlite'}")
    assert not Journal(engine, tmp_path / "run").done(0, "collect")
    engine.dispose()
