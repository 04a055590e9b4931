"""Projects are made once, and changed by those who have seen what they change."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from queues import CLASSES, opened
from sqlalchemy import select

from alframe.errors import Conflict, InvalidInput, NotFound
from alframe.labelling import Projects, ProjectSettings
from alframe.labelling.settings import Rules
from alframe.storage.service import ServiceDatabase
from alframe.storage.service.tables import AuditRow


def test_a_project_is_found_as_it_was_made(database: ServiceDatabase) -> None:
    projects = Projects(database)
    settings = ProjectSettings(overlap=2, rules=Rules(aspect_ratio=(0.5, 2.0), exclusive=[CLASSES]))
    made = projects.create("pets", "detection", CLASSES, settings, "Look twice.", by="root")
    assert projects.get(made.id) == projects.named("pets") == made
    assert (made.settings, made.classes, made.guidelines, made.version) == (settings, CLASSES, "Look twice.", 1)
    other = projects.create("cars", "classification", ["car"], by="root")
    assert projects.all() == [made, other]
    assert other.settings == ProjectSettings()


def test_a_name_is_given_once_however_many_ask_for_it(database: ServiceDatabase, service_url: str) -> None:
    def create(number: int) -> bool:
        with opened(service_url) as own:
            try:
                Projects(own).create("pets", "classification", CLASSES, by=f"user {number}")
            except Conflict:
                return False
            return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(create, range(4))) == 1
    assert len(Projects(database).all()) == 1


def test_a_change_is_made_by_who_has_seen_the_last_one(database: ServiceDatabase) -> None:
    projects = Projects(database)
    made = projects.create("pets", "classification", CLASSES, by="root")
    changed = projects.change(made.id, version=1, by="ann", paused=True)
    assert (changed.paused, changed.version, changed.settings) == (True, 2, made.settings)
    with pytest.raises(Conflict, match="version 2"):
        projects.change(made.id, version=1, by="bob", guidelines="mine")
    again = projects.change(made.id, version=2, by="bob", settings=ProjectSettings(overlap=3), guidelines="")
    assert projects.get(made.id) == again
    assert (again.settings.overlap, again.paused, again.version) == (3, True, 3)


def test_deeds_are_recorded_with_who_did_them(database: ServiceDatabase) -> None:
    projects = Projects(database)
    made = projects.create("pets", "classification", CLASSES, by="root")
    projects.change(made.id, version=1, by="ann", paused=True)
    with database.read() as session:
        entries = session.execute(select(AuditRow.actor, AuditRow.action, AuditRow.subject)).all()
    subject = f"project/{made.id}"
    assert entries == [("root", "project.create", subject), ("ann", "project.change", subject)]


@pytest.mark.parametrize(
    ("name", "kind", "classes", "settings", "said"),
    [
        (" ", "classification", CLASSES, None, "has a name"),
        ("pets", "guessing", CLASSES, None, "is one of classification"),
        ("pets", "classification", [], None, "needs classes"),
        ("pets", "classification", ["cat", "cat"], None, "named once"),
        ("pets", "classification", ["cat", ""], None, "needs classes"),
        ("pets", "classification", CLASSES, ProjectSettings(safety_critical=["tiger"]), "name tiger"),
        ("pets", "classification", CLASSES, ProjectSettings(rules=Rules(exclusive=[("cat", "owl")])), "name owl"),
        ("pets", "detection", CLASSES, ProjectSettings(relabel=0.1), "among classes only, not in detection"),
    ],
)
def test_what_makes_no_sense_is_refused(
    database: ServiceDatabase, name: str, kind: str, classes: list[str], settings: ProjectSettings | None, said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        Projects(database).create(name, kind, classes, settings, by="root")  # type: ignore[arg-type]
    assert Projects(database).all() == []


def test_what_is_not_there_is_not_found(database: ServiceDatabase) -> None:
    projects = Projects(database)
    projects.create("pets", "classification", CLASSES, by="root")
    with pytest.raises(NotFound, match="there are pets"):
        projects.named("cars")
    with pytest.raises(NotFound, match="no project 7"):
        projects.get(7)
    with pytest.raises(NotFound, match="no project 7"):
        projects.change(7, version=1, by="root", paused=True)
