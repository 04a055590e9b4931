"""Projects: which there are, how they work, who is in them."""

from __future__ import annotations

from dataclasses import replace
from operator import attrgetter
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field
from sqlalchemy import select

from alframe.access.roles import Role
from alframe.access.users import User
from alframe.labelling.settings import Kind, ProjectSettings
from alframe.labelling.signals import auto_accept
from alframe.server.bodies import JsonRoute
from alframe.server.permission import Admin, Caller, InProject, ServiceHere, SignedIn, projects_of
from alframe.server.service import Service
from alframe.server.wire import (
    NAMES,
    After,
    Answer,
    Body,
    Id,
    Limit,
    Name,
    Page,
    ProjectSummary,
    RoleName,
    RowId,
    Text,
    page_of,
)
from alframe.storage.service.tables import ItemRow, ProjectRow

router = APIRouter(prefix="/projects", route_class=JsonRoute, tags=["projects"])

Viewer = Annotated[Caller, Depends(InProject(Role.viewer))]
Annotator = Annotated[Caller, Depends(InProject(Role.annotator))]
Manager = Annotated[Caller, Depends(InProject(Role.manager))]


class NewProject(Body):
    """A project to be."""

    name: Name
    kind: Kind
    classes: Annotated[list[Name], Field(min_length=1, max_length=10_000)]
    settings: ProjectSettings = ProjectSettings()
    guidelines: Text = ""


class ProjectChange(Body):
    """What is to be otherwise; ``version`` is the one that the caller has seen."""

    version: RowId
    settings: ProjectSettings | None = None
    guidelines: Text | None = None
    paused: bool | None = None


class ProjectOut(Answer):
    """A project, and what the caller is in it; managers hear why sure predictions are taken no more."""

    id: int
    name: str
    kind: Kind
    classes: list[str]
    guidelines: str
    settings: ProjectSettings
    paused: bool
    version: int
    role: RoleName
    auto_accept_stopped: str | None = None


class Example(Answer):
    """An item that shows what a class is like."""

    class_: Annotated[str, Field(alias="class")]
    item: int


class Member(Answer):
    """Somebody with a role in a project."""

    id: int
    name: str
    role: RoleName


class Membership(Body):
    """What somebody is to be."""

    role: RoleName


@router.get("")
def list_projects(
    user: Annotated[User, Depends(SignedIn())], service: ServiceHere, limit: Limit = 100, after: After = 0
) -> Page[ProjectSummary]:
    """The projects in which the caller has a role."""
    return page_of(projects_of(user, service), limit, after)


@router.post("", status_code=201)
def create_project(body: NewProject, user: Annotated[User, Depends(Admin())], service: ServiceHere) -> ProjectOut:
    """Make a project."""
    project = service.projects.create(body.name, body.kind, body.classes, body.settings, body.guidelines, by=user.name)
    return _shown(Caller(user, project, Role.manager), service)


@router.get("/{project}")
def show_project(caller: Viewer, service: ServiceHere) -> ProjectOut:
    """How a project works."""
    return _shown(caller, service)


@router.patch("/{project}")
def change_project(caller: Manager, service: ServiceHere, body: ProjectChange) -> ProjectOut:
    """Change how a project works; refused where somebody else has changed it since."""
    project = service.projects.change(
        caller.project.id,
        version=body.version,
        by=caller.user.name,
        settings=body.settings,
        guidelines=body.guidelines,
        paused=body.paused,
    )
    return _shown(replace(caller, project=project), service)


@router.post("/{project}/auto-accept", status_code=204)
def resume_auto_accept(caller: Manager, service: ServiceHere) -> None:
    """Take sure predictions again, after audits have stopped it; what was audited so far counts no longer."""
    auto_accept.resume(service.database, caller.project.id, by=caller.user.name)


@router.get("/{project}/examples")
def list_examples(caller: Annotator, service: ServiceHere) -> list[Example]:
    """Images that show what the classes are like."""
    chosen = [(name, item) for name, items in caller.project.settings.examples.items() for item in items]
    shown = select(ItemRow.id).where(ItemRow.id.in_([item for _, item in chosen]), ItemRow.held == "")
    with service.database.read() as session:
        there = set(session.scalars(shown))
    return [Example.model_validate({"class": name, "item": item}) for name, item in chosen if item in there]


@router.get("/{project}/members")
def list_members(caller: Manager, service: ServiceHere, limit: Limit = 100, after: After = 0) -> Page[Member]:
    """Who is what in the project."""
    found = service.roles.members(caller.project.id)
    members = [Member(id=each.user.id, name=each.user.name, role=NAMES[each.role]) for each in found]
    return page_of(sorted(members, key=attrgetter("id")), limit, after)


@router.put("/{project}/members/{user}", status_code=204)
def grant(caller: Manager, service: ServiceHere, user: Id, body: Membership) -> None:
    """Give somebody a role in the project, instead of the one they had."""
    service.roles.grant(user, caller.project.id, Role[body.role], by=caller.user.name)


@router.delete("/{project}/members/{user}", status_code=204)
def revoke(caller: Manager, service: ServiceHere, user: Id) -> None:
    """Take somebody's role in the project away."""
    service.roles.revoke(user, caller.project.id, by=caller.user.name)


def _shown(caller: Caller, service: Service) -> ProjectOut:
    stopped = None
    if caller.role >= Role.manager:
        with service.database.read() as session:
            stopped = session.get_one(ProjectRow, caller.project.id).auto_stopped or None
    return ProjectOut.model_validate(
        {**vars(caller.project), "role": NAMES[caller.role], "auto_accept_stopped": stopped}
    )
