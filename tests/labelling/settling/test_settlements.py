"""Versions are added and counted, and a weaker source overrules no stronger one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from labelled import Team, team_of

from alframe.errors import Conflict, InvalidInput, NotFound
from alframe.labelling.items import Items
from alframe.labelling.settling.settlements import append, current, history, page
from alframe.storage.service import ServiceDatabase
from alframe.types import Object, Objects


def add(team: Team, key: str, row: int = 0, **changes: Any) -> int | None:
    said: dict[str, Any] = {"label": 1, "source": "consensus", "settled_by": "ann, bob"} | changes
    with team.database.write() as session:
        return append(session, team.project, team.items[row], key=key, **said)


def test_what_holds_is_the_latest_version(database: ServiceDatabase) -> None:
    team = team_of(database)
    label = Objects((Object((0.0, 0.0, 2.0, 2.0), 0),))
    assert [add(team, "a"), add(team, "b", label=label, agreement=0.9), add(team, "c", row=2)] == [1, 2, 1]
    found = current(database, team.project.id)
    assert {name: (each.label, each.version) for name, each in found.items()} == {
        "image/0": (label, 2),
        "image/2": (1, 1),
    }
    assert current(database, team.project.id, ["image/2", "image/3", "unknown"]).keys() == {"image/2"}
    assert [each.label for each in history(database, team.items[0])] == [1, label]


def test_the_same_again_adds_nothing(database: ServiceDatabase) -> None:
    team = team_of(database)
    assert [add(team, "a"), add(team, "b"), add(team, "a")] == [1, 2, 1]
    with pytest.raises(Conflict, match="'a' stands for another"):
        add(team, "a", label=2)
    with pytest.raises(Conflict, match="'a' stands for another"):
        add(team, "a", row=1)
    assert len(page(database, team.project.id)) == 2


def test_a_weaker_source_does_not_overrule(database: ServiceDatabase) -> None:
    team = team_of(database, signals=["review", "feedback", "consensus"])
    steps = [("auto", 1), ("consensus", 2), ("auto", None), ("feedback", 3), ("consensus", None), ("feedback", 4)]
    steps += [("review", 5), ("feedback", None), ("import", None), ("review", 6)]
    for number, (source, version) in enumerate(steps):
        assert add(team, str(number), source=source, settled_by="cyd") == version
    assert current(database, team.project.id)["image/0"].source == "review"


def test_no_label_needs_a_reason(database: ServiceDatabase) -> None:
    team = team_of(database)
    with pytest.raises(InvalidInput, match="a reason for none"):
        add(team, "a", label=None)
    assert add(team, "a", label=None, reason="too dark") == 1
    with pytest.raises(NotFound, match="no item"), database.write() as session:
        append(session, team.project, 999, key="b", label=1, source="review", settled_by="ann")


def test_versions_are_counted_once_when_many_settle_at_once(database: ServiceDatabase) -> None:
    team = team_of(database)
    with ThreadPoolExecutor(8) as pool:
        versions = list(pool.map(lambda number: add(team, str(number)), range(16)))
    assert sorted(version for version in versions if version) == list(range(1, 17))


def test_pages_follow_each_other(database: ServiceDatabase) -> None:
    team = team_of(database)
    for number in range(5):
        add(team, str(number), row=number % 2)
    first = page(database, team.project.id, limit=3)
    rest = page(database, team.project.id, after=first[-1].id, limit=3)
    assert [each.version for each in [*first, *rest]] == [1, 1, 2, 2, 3]


def test_what_holds_of_a_held_item_is_given_to_nobody(database: ServiceDatabase) -> None:
    """Not even what was settled before; its versions are kept, and are back after the release."""
    team = team_of(database)
    add(team, "a")
    add(team, "b", row=1)
    Items(database).hold(team.project.id, ["image/0"], "no consent", by="root")
    for found in (current(database, team.project.id), current(database, team.project.id, ["image/0", "image/1"])):
        assert found.keys() == {"image/1"}
    assert [each.sample_id for each in page(database, team.project.id)] == ["image/1"]
    assert [each.version for each in history(database, team.items[0])] == [1]
    Items(database).release(team.project.id, ["image/0"], by="root")
    assert current(database, team.project.id).keys() == {"image/0", "image/1"}
