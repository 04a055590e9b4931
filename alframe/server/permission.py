"""Who may use a route: every route declares it, and one that does not is refused when the app is made.

A project where the caller has no role is not there for them; a role that is too low is forbidden.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import select

from alframe.access.roles import Role
from alframe.access.users import User
from alframe.errors import Forbidden, NotFound, NotSignedIn
from alframe.labelling.projects import Project
from alframe.server.service import Service
from alframe.server.wire import NAMES, Id, ProjectSummary, TaskId
from alframe.storage.service.tables import AssignmentRow, ItemRow, TaskRow

bearer = HTTPBearer(auto_error=False, description="The access token that POST /api/session gives.")


def service_of(request: Request) -> Service:
    """What the app was made with."""
    service: Service = request.app.state.service
    return service


ServiceHere = Annotated[Service, Depends(service_of)]


def whoever(service: ServiceHere, token: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> User:
    """Whose access token came with the request."""
    if token is None:
        raise NotSignedIn("this needs an access token, as POST /api/session gives it: Authorization: Bearer TOKEN")
    return service.tokens.user(token.credentials)


Whoever = Annotated[User, Depends(whoever)]


class Needs:
    """What a route asks of its caller; each route depends on one of these."""


@dataclass(frozen=True)
class Anybody(Needs):
    """Nothing."""

    def __call__(self) -> None:
        """Let the caller in."""


@dataclass(frozen=True)
class SignedIn(Needs):
    """To be known.

    Attributes:
        newcomers: those too who have a one-time password still.
    """

    newcomers: bool = False

    def __call__(self, user: Whoever) -> User:
        """The caller."""
        if user.must_change and not self.newcomers:
            raise Forbidden("choose a password of your own first: PUT /api/me/password")
        return user


Known = Annotated[User, Depends(SignedIn())]


@dataclass(frozen=True)
class Admin(Needs):
    """To be an administrator."""

    def __call__(self, user: Whoever) -> User:
        """The caller."""
        if not SignedIn()(user).admin:
            raise Forbidden("this is for administrators")
        return user


@dataclass(frozen=True)
class Caller:
    """Who asks, and what they are in the project that they ask about; an administrator is a manager everywhere."""

    user: User
    project: Project
    role: Role


@dataclass(frozen=True)
class InProject(Needs):
    """A role in the project that the path names.

    Attributes:
        least: that role, or more.
    """

    least: Role

    def __call__(self, user: Whoever, service: ServiceHere, project: Id) -> Caller:
        """The caller, in that project."""
        return self.admit(SignedIn()(user), service, project, f"project {project}")

    def admit(self, user: User, service: Service, project_id: int | None, asked: str) -> Caller:
        """The caller in a project; ``asked`` is what they asked about, for messages.

        Raises:
            NotFound: there is no such project, or not for them.
            Forbidden: their role is too low.
        """
        if project_id is None:
            raise NotFound(f"there is no {asked}")
        try:
            role = service.roles.require(user, project_id, self.least)
        except NotFound:
            raise NotFound(f"there is no {asked}") from None  # and nothing tells it from one of another project
        return Caller(user, service.projects.get(project_id), role)


class OfAssignment(InProject):
    """A role in the project of the assignment that the path names."""

    def __call__(self, user: Whoever, service: ServiceHere, assignment: TaskId) -> Caller:
        """The caller, in that project."""
        found = _project(service, AssignmentRow, assignment)
        return self.admit(SignedIn()(user), service, found, f"assignment {assignment}")


class OfTask(InProject):
    """A role in the project of the task that the path names."""

    def __call__(self, user: Whoever, service: ServiceHere, task: TaskId) -> Caller:
        """The caller, in that project."""
        return self.admit(SignedIn()(user), service, _project(service, TaskRow, task), f"task {task}")


class OfItem(InProject):
    """A role in the project of the item that the path names."""

    def __call__(self, user: Whoever, service: ServiceHere, item: Id) -> Caller:
        """The caller, in that project."""
        return self.admit(SignedIn()(user), service, _project(service, ItemRow, item), f"item {item}")


def _project(service: Service, table: type[AssignmentRow | TaskRow | ItemRow], row: int) -> int | None:
    with service.database.read() as session:
        return session.scalar(select(table.project_id).where(table.id == row))


def declared(route: APIRoute) -> Needs:
    """What a route asks of its caller.

    Raises:
        TypeError: it does not say, or says it twice.
    """
    calls: list[object] = [dependency.call for dependency in _all(route.dependant)]
    found = {call for call in calls if isinstance(call, Needs)}
    if len(found) != 1:
        raise TypeError(f"{route.methods} {route.path} must say once who may use it, and does so {len(found)} times")
    return found.pop()


def _all(dependant: Dependant) -> Iterator[Dependant]:
    for dependency in dependant.dependencies:
        yield dependency
        yield from _all(dependency)


def projects_of(user: User, service: Service) -> list[ProjectSummary]:
    """The projects in which a user has a role, and which; an administrator is a manager everywhere."""
    roles = service.roles.of(user.id)
    return [
        ProjectSummary(id=each.id, name=each.name, kind=each.kind, role=NAMES[roles[each.id]])
        for each in service.projects.all()
        if each.id in roles
    ]
