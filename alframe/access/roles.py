"""What a user is in a project. Nobody is anything in a project unless somebody has said so."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from alframe.access.rows import load_user
from alframe.access.users import User, as_user
from alframe.errors import Forbidden, NotFound
from alframe.storage.service import ServiceDatabase, record
from alframe.storage.service.tables import MembershipRow, ProjectRow, UserRow


class Role(IntEnum):
    """Each may do what those before it may."""

    viewer = 1
    annotator = 2
    reviewer = 3
    manager = 4


@dataclass(frozen=True)
class Member:
    """A user who has a role in a project."""

    user: User
    role: Role


class Roles:
    """The roles of users in projects; an admin is a manager everywhere."""

    def __init__(self, database: ServiceDatabase) -> None:
        self._database = database

    def require(self, user: User, project_id: int, role: Role) -> Role:
        """The user's role in the project, if it is ``role`` or above.

        Raises:
            NotFound: there is no such project, or they have no role there, which is not for them to tell apart.
            Forbidden: their role is below.
        """
        with self._database.read() as session:
            found = _role(session, user, project_id)
        if found is None:
            raise _missing(project_id)
        if found < role:
            raise Forbidden(f"this needs the role {role.name} in project {project_id}; yours is {found.name}")
        return found

    def grant(self, user_id: int, project_id: int, role: Role, *, by: str) -> None:
        """Give the user this role in the project, in place of another they have there.

        Raises:
            NotFound: no such user or project.
        """
        with self._database.write() as session:
            load_user(session, user_id, lock=True)  # of two that grant at once, the second finds the first's row
            if session.get(ProjectRow, project_id) is None:
                raise _missing(project_id)
            session.merge(MembershipRow(user_id=user_id, project_id=project_id, role=role.name))
            session.flush()
            record(session, by, "role.grant", f"user/{user_id}", {"project": project_id, "role": role.name})

    def revoke(self, user_id: int, project_id: int, *, by: str) -> None:
        """The user is nothing in the project any more.

        Raises:
            NotFound: they have no role there.
        """
        theirs = MembershipRow.user_id == user_id, MembershipRow.project_id == project_id
        with self._database.write() as session:
            gone = session.scalars(delete(MembershipRow).where(*theirs).returning(MembershipRow.role)).one_or_none()
            if gone is None:
                raise NotFound(f"user {user_id} has no role in project {project_id}")
            record(session, by, "role.revoke", f"user/{user_id}", {"project": project_id, "role": gone})

    def of(self, user_id: int) -> dict[int, Role]:
        """The projects in which the user has a role, by id.

        Raises:
            NotFound: no such user.
        """
        with self._database.read() as session:
            if load_user(session, user_id).admin:
                return dict.fromkeys(session.scalars(select(ProjectRow.id).order_by(ProjectRow.id)), Role.manager)
            theirs = select(MembershipRow).where(MembershipRow.user_id == user_id).order_by(MembershipRow.project_id)
            return {row.project_id: Role[row.role] for row in session.scalars(theirs)}

    def members(self, project_id: int) -> list[Member]:
        """Who was given a role in the project, by name; admins need none."""
        members = (
            select(UserRow, MembershipRow.role)
            .join(MembershipRow, MembershipRow.user_id == UserRow.id)
            .where(MembershipRow.project_id == project_id)
            .order_by(UserRow.name)
        )
        with self._database.read() as session:
            return [Member(as_user(row), Role[role]) for row, role in session.execute(members)]


def _role(session: Session, user: User, project_id: int) -> Role | None:
    if user.admin:
        return None if session.get(ProjectRow, project_id) is None else Role.manager
    row = session.get(MembershipRow, (user.id, project_id))
    return None if row is None else Role[row.role]


def _missing(project_id: int) -> NotFound:
    return NotFound(f"there is no project {project_id}")
