from __future__ import annotations

import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from accounts import cheap
from typer.testing import CliRunner, Result

from alframe import progress
from alframe.access import users as access_users
from alframe.access.roles import Role, Roles
from alframe.access.users import Users
from alframe.cli import app
from alframe.labelling import Projects
from alframe.storage import sqlite_url
from alframe.storage.service import DATABASE, ServiceDatabase, open_service

ONCE = r"[a-z2-9]{5}(?:-[a-z2-9]{5}){3}"


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServiceDatabase]:
    """A service in the folder ``service`` beside the command, with one project."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["alframe"])
    monkeypatch.setattr(progress.console, "_width", 200)
    monkeypatch.setattr(access_users, "Passwords", cheap)
    monkeypatch.delenv("ALFRAME_DATABASE", raising=False)
    (tmp_path / "service").mkdir()
    database = open_service(sqlite_url(tmp_path / "service" / DATABASE))
    Projects(database).create("digits", "classification", ["0", "1"], by="root")
    yield database
    database.close()


def alframe(*words: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(app, list(words), input=typed)


def said(result: Result) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", result.output)


def ok(*words: str, typed: str | None = None) -> str:
    result = alframe(*words, typed=typed)
    assert result.exit_code == 0, said(result)
    return said(result)


def once(told: str) -> str:
    (found,) = re.findall(ONCE, told)
    return str(found)


def test_a_user_is_added_with_a_password_for_once(service: ServiceDatabase) -> None:
    password = once(ok("users", "add", "Ann"))
    user = Users(service, cheap()).sign_in("ann", password)
    assert user.must_change
    assert not user.admin
    lost = once(ok("users", "password", "ann"))
    assert lost != password
    assert Users(service, cheap()).sign_in("ann", lost).id == user.id


def test_a_password_is_asked_for_and_never_shown(service: ServiceDatabase) -> None:
    told = ok("users", "add", "root", "--admin", "--prompt", typed="a good password\na good password\n")
    assert "a good password" not in told
    user = Users(service, cheap()).sign_in("root", "a good password")
    assert user.admin
    assert not user.must_change


def test_roles_are_given_and_taken_away(service: ServiceDatabase) -> None:
    ok("users", "add", "ann")
    assert "ann is reviewer in digits" in ok("users", "grant", "ann", "digits", "reviewer")
    assert Roles(service).of(1) == {1: Role.reviewer}
    assert re.search(r"1 +ann +has to change password +reviewer in digits", ok("users", "list"))
    ok("users", "revoke", "ann", "digits")
    assert Roles(service).of(1) == {}


def test_a_user_is_disabled_and_enabled(service: ServiceDatabase) -> None:
    ok("users", "add", "ann")
    ok("users", "disable", "ann")
    assert "disabled" in ok("users", "list")
    assert not Users(service, cheap()).get(1).active
    ok("users", "enable", "ann")
    assert Users(service, cheap()).get(1).active


def test_a_user_is_made_an_admin_and_a_user_again(service: ServiceDatabase) -> None:
    ok("users", "add", "root", "--admin")
    ok("users", "add", "Ann")
    assert "ann is an admin" in ok("users", "promote", "Ann")
    assert Users(service, cheap()).named("ann").admin
    assert "ann is no admin" in ok("users", "demote", "ann")
    assert not Users(service, cheap()).named("ann").admin
    assert re.search(r"system +user.set_admin +user/2 .*false", ok("audit", "show", "--limit", "1"))


@pytest.mark.parametrize(
    ("words", "explained"),
    [
        (("users", "disable", "root"), "last active admin"),
        (("users", "demote", "root"), "last active admin"),
        (("users", "promote", "eve"), "no user 'eve'"),
        (("users", "add", "root"), "there is a user 'root' already"),
        (("users", "enable", "eve"), "no user 'eve'"),
        (("users", "grant", "root", "cats", "viewer"), "there is no project 'cats'; there are digits"),
        (("users", "revoke", "root", "digits"), "no role"),
        (("users", "list", "--service", "elsewhere"), "no labelling service in elsewhere"),
        (("audit", "verify", "--service", "elsewhere"), "no labelling service in elsewhere"),
        (("audit", "verify", "--head", "7"), "NUMBER:SHA256"),
        (("users", "list", "--database", "mysql://host/name"), "SQLite or PostgreSQL"),
    ],
)
def test_mistakes_are_explained(service: ServiceDatabase, words: tuple[str, ...], explained: str) -> None:
    Users(service, cheap()).create("root", admin=True, by="system")
    result = alframe(*words)
    assert result.exit_code == 2, said(result)
    assert explained in said(result)
    assert "Traceback" not in said(result)


def test_a_database_may_be_named_by_its_url(service_url: str, service: ServiceDatabase) -> None:
    """On SQLite and PostgreSQL; the service beside the command is another one."""
    password = once(ok("users", "add", "ann", "--database", service_url))
    database = open_service(service_url)
    assert Users(database, cheap()).sign_in("ann", password).name == "ann"
    database.close()
    assert Users(service, cheap()).all() == []


@pytest.mark.usefixtures("service")
def test_an_entry_that_was_tampered_with_is_named(tmp_path: Path) -> None:
    for name in ("ann", "bob", "eve"):
        ok("users", "add", name)
    told = ok("audit", "verify")
    head = re.findall(r"4 entries, each as it was written; head (4:[0-9a-f]{64})", told)[0]
    assert re.search(r"4 .* system +user.create +user/3 .*eve", ok("audit", "show", "--limit", "1"))
    assert "ann" not in ok("audit", "show", "--actor", "root")
    with closing(sqlite3.connect(tmp_path / "service" / DATABASE)) as raw, raw:
        raw.execute("DROP TRIGGER audit_refuses_update")
        raw.execute("UPDATE audit SET actor = 'nobody' WHERE entry = 3")
    result = alframe("audit", "verify")
    assert result.exit_code == 1
    assert "entry 3 is bad: it was changed" in said(result)
    with closing(sqlite3.connect(tmp_path / "service" / DATABASE)) as raw, raw:
        raw.execute("DROP TRIGGER audit_refuses_delete")
        raw.execute("DELETE FROM audit WHERE entry > 2")
    assert "2 entries" in ok("audit", "verify")
    result = alframe("audit", "verify", "--head", head)
    assert result.exit_code == 1
    assert "entry 3 is bad: it is missing" in said(result)
