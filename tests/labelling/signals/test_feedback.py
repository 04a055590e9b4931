"""Feedback counts for what the project declares, whenever it comes, and once."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
from labelled import team_of
from queues import new_project
from sqlalchemy import select

from alframe.errors import Conflict
from alframe.labelling import Project, Projects, ProjectSettings
from alframe.labelling.images import StoredImage
from alframe.labelling.items import Items
from alframe.labelling.settings import Rules
from alframe.labelling.settling.gold import Gold
from alframe.labelling.settling.reviewing import Reviews
from alframe.labelling.settling.settlements import Source, append, current
from alframe.labelling.settling.settling import settle
from alframe.labelling.signals.feedback import Reported, report
from alframe.storage.service import ServiceDatabase
from alframe.storage.service.tables import FeedbackRow, TaskRow

IMAGE = StoredImage("a" * 64, 8, 8)
OTHER = StoredImage("b" * 64, 8, 8)


def said(
    database: ServiceDatabase,
    project: Project,
    correction: int | None,
    signal: Literal["feedback", "rule"] = "feedback",
    **other: Any,
) -> Reported:
    asked: dict[str, Any] = {"image": IMAGE, "key": f"{signal} {correction}", "prediction": 0, "by": "shop"} | other
    return report(database, project.id, correction=correction, signal=signal, **asked)


def doubted(database: ServiceDatabase, project: Project) -> int:
    with database.read() as session:
        wanted = select(TaskRow).where(TaskRow.kind == "relabel", TaskRow.project_id == project.id)
        return len(session.scalars(wanted).all())


def holds(database: ServiceDatabase, project: Project) -> tuple[Any, str] | None:
    found = list(current(database, project.id).values())
    return (found[0].label, found[0].source) if found else None


STRONG_USERS = ["review", "feedback", "consensus", "import", "rule", "auto"]

CASES: list[tuple[list[str] | None, list[tuple[Source, int]], tuple[int, str], int]] = [
    # order of signals, what comes in which order, what holds in the end, items in doubt
    (None, [("feedback", 1)], (1, "feedback"), 0),
    (None, [("rule", 1)], (1, "rule"), 0),
    (None, [("auto", 0), ("feedback", 1)], (1, "feedback"), 0),
    (None, [("auto", 0), ("rule", 1)], (1, "rule"), 0),
    (None, [("consensus", 0), ("feedback", 0)], (0, "consensus"), 0),
    (None, [("consensus", 0), ("feedback", 1)], (0, "consensus"), 1),
    (None, [("consensus", 0), ("rule", 1)], (0, "consensus"), 0),
    (None, [("feedback", 1), ("consensus", 0)], (0, "consensus"), 0),
    (None, [("rule", 1), ("feedback", 0)], (0, "feedback"), 0),
    (None, [("feedback", 1), ("rule", 0)], (1, "feedback"), 0),
    (None, [("feedback", 1), ("feedback", 0)], (0, "feedback"), 1),
    (None, [("consensus", 0), ("feedback", 1), ("rule", 1)], (0, "consensus"), 1),
    (None, [("rule", 1), ("feedback", 0), ("consensus", 1)], (1, "consensus"), 0),
    (STRONG_USERS, [("consensus", 0), ("feedback", 1), ("rule", 0)], (1, "feedback"), 1),
    (STRONG_USERS, [("feedback", 1), ("consensus", 0)], (1, "feedback"), 0),
    (STRONG_USERS, [("review", 0), ("feedback", 1)], (0, "review"), 1),
    (["rule", "consensus", "feedback"], [("consensus", 0), ("rule", 1), ("feedback", 0)], (1, "rule"), 0),
    (["consensus"], [("rule", 1), ("consensus", 0), ("feedback", 1)], (0, "consensus"), 1),
]


def test_the_declared_order_decides(database: ServiceDatabase) -> None:
    """Annotators, users and a rule engine, early and late: what holds follows from the order of the signals alone."""
    for case, (signals, told, in_the_end, in_doubt) in enumerate(CASES):
        settings = ProjectSettings.model_validate({} if signals is None else {"signals": signals})
        project = Projects(database).create(f"case {case}", "classification", ["cat", "dog"], settings, by="root")
        item = said(database, project, None, key="first").item_id
        for number, (source, label) in enumerate(told):
            if source in ("feedback", "rule"):
                said(database, project, label, "feedback" if source == "feedback" else "rule", key=str(number))
            else:
                with database.write() as session:
                    key = f"{case} {number}"
                    append(session, project, item, key=key, label=label, source=source, settled_by="x")
        assert (case, holds(database, project)) == (case, in_the_end)
        assert (case, doubted(database, project)) == (case, in_doubt)


def test_a_report_counts_once(database: ServiceDatabase) -> None:
    """Sent again it says the same, also when something else holds by then; another body under its key is refused."""
    project, _, _ = new_project(database, 0, 1)
    first = said(database, project, 1, key="k")
    said(database, project, 0, key="later")
    assert said(database, project, 1, key="k") == first
    assert first.version == 1
    with database.read() as session:
        assert len(session.scalars(select(FeedbackRow)).all()) == 2
    changes: list[dict[str, Any]] = [{"prediction": 1}, {"image": OTHER}, {"correction": 0}, {"signal": "rule"}]
    for change in changes:
        again: dict[str, Any] = {"correction": 1, "signal": "feedback", "key": "k"} | change
        with pytest.raises(Conflict, match="another report"):
            said(database, project, **again)


def test_an_image_that_is_not_there_becomes_an_item(database: ServiceDatabase) -> None:
    """And the next report of it finds it."""
    project, _, _ = new_project(database, 0, 1)
    first, second = said(database, project, None, image=OTHER), said(database, project, 1, image=OTHER)
    assert first.item_id == second.item_id
    assert first.sample_id == f"feedback/{OTHER.sha256}"
    assert (first.version, second.version) == (None, 1)


def test_a_correction_that_breaks_a_rule_goes_to_people(database: ServiceDatabase) -> None:
    settings = ProjectSettings(rules=Rules(allowed_classes=["cat"]))
    project, _, _ = new_project(database, 0, 1, settings)
    assert said(database, project, 1).version is None
    assert holds(database, project) is None
    assert doubted(database, project) == 1


def test_people_are_asked_once_a_round(database: ServiceDatabase) -> None:
    project, _, _ = new_project(database, 0, 1)
    for number in range(4):
        said(database, project, number % 2, key=str(number))
    assert doubted(database, project) == 1


def test_nothing_follows_from_a_report_of_a_held_item(database: ServiceDatabase) -> None:
    project, _, _ = new_project(database, 0, 1)
    name = said(database, project, None, key="first").sample_id
    Items(database).hold(project.id, [name], "no consent", by="root")
    assert said(database, project, 1).version is None
    assert holds(database, project) is None


@pytest.mark.parametrize(("signals", "in_the_end"), [(None, (0, "consensus")), (STRONG_USERS, (1, "feedback"))])
def test_while_people_are_asked_a_correction_waits(
    database: ServiceDatabase, signals: list[str] | None, in_the_end: tuple[int, str]
) -> None:
    """It settles nothing over their heads; when they have, the order of the signals decides."""
    settings: dict[str, Any] = {} if signals is None else {"signals": signals}
    team = team_of(database, overlap=2, **settings)
    team.ask(1, 0)
    image = StoredImage(f"{0:064x}", 8, 6)
    assert said(database, team.project, 1, image=image).version is None
    assert holds(database, team.project) is None
    first = team.answer("ann", 0)
    assert first is not None
    assert first.item_id == team.items[0]  # which is asked for sooner
    team.answer("bob", 0)
    settle(database, team.project.id, rng=np.random.default_rng(0))
    assert holds(database, team.project) == in_the_end
    assert doubted(database, team.project) == 0


def test_a_correction_to_what_is_safety_critical_is_a_reviewers(database: ServiceDatabase) -> None:
    project, _, _ = new_project(database, 0, 1, ProjectSettings(safety_critical=["dog"]))
    assert said(database, project, 1).version is None
    (waiting,) = Reviews(database).waiting(project.id)
    assert waiting.reason == "a correction to dog"
    assert Reviews(database).opened(waiting.task_id).proposed == 1
    assert holds(database, project) is None
    Reviews(database).decide(waiting.task_id, 1, "", "k", by="rita")
    assert holds(database, project) == (1, "review")


def test_gold_is_certain(database: ServiceDatabase) -> None:
    team = team_of(database)
    Gold(database, np.random.default_rng(0)).add(team.project.id, team.items[0], 0, by="root")
    assert said(database, team.project, 1, image=StoredImage(f"{0:064x}", 8, 6)).version is None
    assert holds(database, team.project) is None
    assert doubted(database, team.project) == 0
