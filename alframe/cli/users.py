"""The commands ``alframe users``: who may come into a labelling service, and what they are in its projects."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from alframe import progress
from alframe.cli.mistakes import explained
from alframe.cli.service import Database, Service, opened_database

if TYPE_CHECKING:
    from alframe.access.users import User, Users
    from alframe.storage.service import ServiceDatabase

ACTOR = "system"
"""Whoever may run these commands can read the database: there is no signing in."""

SERVICE = Path("service")

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")

Name = Annotated[str, typer.Argument(help="The user's name.", show_default=False)]
Project = Annotated[str, typer.Argument(help="The project's name.", show_default=False)]


class RoleName(StrEnum):
    """What somebody may be in a project."""

    viewer = "viewer"
    annotator = "annotator"
    reviewer = "reviewer"
    manager = "manager"


@app.callback()
def users() -> None:
    """The users of a labelling service: add, list and disable them, and say what each of them may do."""


@app.command()
def add(
    name: Name,
    admin: Annotated[bool, typer.Option("--admin", help="They may do everything.")] = False,
    prompt: Annotated[bool, typer.Option("--prompt", help="Ask for their password, instead of making one up.")] = False,
    service: Service = SERVICE,
    database: Database = None,
) -> None:
    """Add a user, and print a password that is good until they choose their own."""
    from alframe.access.users import Users

    progress.be_quiet(False)
    with explained(), opened_database(service, database) as opened:
        user, new = Users(opened).create(name, _asked() if prompt else None, admin=admin, by=ACTOR)
    _tell(user.name, new)


@app.command("list")
def list_(service: Service = SERVICE, database: Database = None) -> None:
    """List all users, and what they are in which project."""
    from alframe.access.roles import Roles
    from alframe.access.users import Users
    from alframe.labelling.projects import Projects

    progress.be_quiet(False)
    table = Table(title_justify="left", header_style="bold", box=SIMPLE_HEAD)
    for column in ("id", "name", "", "roles", "since (UTC)"):
        table.add_column(column, overflow="fold")
    with explained(), opened_database(service, database) as opened:
        projects = {project.id: project.name for project in Projects(opened).all()}
        roles = Roles(opened)
        for user in Users(opened).all():
            states = {"admin": user.admin, "disabled": not user.active, "has to change password": user.must_change}
            theirs = {} if user.admin else roles.of(user.id)
            cells = (
                str(user.id),
                user.name,
                ", ".join(state for state, holds in states.items() if holds),
                ", ".join(f"{role.name} in {projects[project]}" for project, role in theirs.items()),
                f"{user.created_at:%Y-%m-%d %H:%M}",
            )
            table.add_row(*map(escape, cells))
    progress.console.print(table)


@app.command()
def disable(name: Name, service: Service = SERVICE, database: Database = None) -> None:
    """End all sessions of a user, and let them in no more."""
    with _known(name, service, database) as (_, users, user):
        users.disable(user.id, by=ACTOR)
    progress.say(f"{escape(user.name)} is disabled")


@app.command()
def enable(name: Name, service: Service = SERVICE, database: Database = None) -> None:
    """Let a user in again."""
    with _known(name, service, database) as (_, users, user):
        users.enable(user.id, by=ACTOR)
    progress.say(f"{escape(user.name)} may sign in")


@app.command()
def promote(name: Name, service: Service = SERVICE, database: Database = None) -> None:
    """Make a user an admin, who may do everything."""
    with _known(name, service, database) as (_, users, user):
        users.set_admin(user.id, True, by=ACTOR)
    progress.say(f"{escape(user.name)} is an admin")


@app.command()
def demote(name: Name, service: Service = SERVICE, database: Database = None) -> None:
    """Make an admin a user like others, with the roles that they were given; the last admin stays one."""
    with _known(name, service, database) as (_, users, user):
        users.set_admin(user.id, False, by=ACTOR)
    progress.say(f"{escape(user.name)} is no admin")


@app.command()
def password(name: Name, service: Service = SERVICE, database: Database = None) -> None:
    """Print a new password for a user, good until they choose their own; all their sessions end."""
    with _known(name, service, database) as (_, users, user):
        new = users.reset_password(user.id, by=ACTOR)
    _tell(user.name, new)


@app.command()
def grant(
    name: Name,
    project: Project,
    role: Annotated[RoleName, typer.Argument(help="Each may do what those before it may.", show_default=False)],
    service: Service = SERVICE,
    database: Database = None,
) -> None:
    """Give a user a role in a project: [dim]alframe users grant ann digits annotator[/]."""
    from alframe.access.roles import Role, Roles
    from alframe.labelling.projects import Projects

    with _known(name, service, database) as (opened, _, user):
        Roles(opened).grant(user.id, Projects(opened).named(project).id, Role[role], by=ACTOR)
    progress.say(f"{escape(user.name)} is {role} in {escape(project)}")


@app.command()
def revoke(name: Name, project: Project, service: Service = SERVICE, database: Database = None) -> None:
    """Take a user's role in a project away."""
    from alframe.access.roles import Roles
    from alframe.labelling.projects import Projects

    with _known(name, service, database) as (opened, _, user):
        Roles(opened).revoke(user.id, Projects(opened).named(project).id, by=ACTOR)
    progress.say(f"{escape(user.name)} has no role in {escape(project)}")


@contextmanager
def _known(name: str, service: Path, database: str | None) -> Iterator[tuple[ServiceDatabase, Users, User]]:
    """The service's database and users, and the one of this name; what goes wrong in the block is explained."""
    from alframe.access.users import Users

    progress.be_quiet(False)
    with explained(), opened_database(service, database) as opened:
        known = Users(opened)
        yield opened, known, known.named(name)


def _asked() -> str:
    typed: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return typed


def _tell(name: str, new: str | None) -> None:
    if new is None:
        progress.say(f"{escape(name)} may sign in with that password")
    else:
        progress.say(f"{escape(name)} signs in once with [bold]{new}[/], and then chooses a password")
