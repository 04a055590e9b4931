"""Users, for administrators."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from alframe.access.users import User
from alframe.server.bodies import JsonRoute
from alframe.server.permission import Admin, ServiceHere
from alframe.server.wire import After, Body, Id, Limit, Name, Page, UserOut, page_of

router = APIRouter(prefix="/users", route_class=JsonRoute, tags=["users"])

Administrator = Annotated[User, Depends(Admin())]


class NewUser(Body):
    """Somebody who is to sign in; without a password they get one for once."""

    name: Name
    password: Annotated[str, Field(max_length=1_000)] | None = None
    admin: bool = False


class UserChange(Body):
    """What is to be otherwise; ``new_password`` asks for one for once."""

    active: bool | None = None
    admin: bool | None = None
    new_password: bool = False


class AccountOut(UserOut):
    """A user, and the password for once that they were just given; it is shown this once."""

    active: bool
    password: str | None = None


@router.get("")
def list_users(_: Administrator, service: ServiceHere, limit: Limit = 100, after: After = 0) -> Page[AccountOut]:
    """Everybody who may sign in, or might."""
    return page_of([AccountOut.model_validate(user) for user in service.users.all()], limit, after)


@router.post("", status_code=201)
def create_user(caller: Administrator, service: ServiceHere, body: NewUser) -> AccountOut:
    """Add somebody."""
    user, password = service.users.create(body.name, body.password, admin=body.admin, by=caller.name)
    return _account(user, password)


@router.patch("/{user}")
def change_user(caller: Administrator, service: ServiceHere, user: Id, body: UserChange) -> AccountOut:
    """Let somebody in or not, make them an administrator or not, give them a password for once."""
    if body.active is not None:
        (service.users.enable if body.active else service.users.disable)(user, by=caller.name)
    if body.admin is not None:
        service.users.set_admin(user, body.admin, by=caller.name)
    password = service.users.reset_password(user, by=caller.name) if body.new_password else None
    return _account(service.users.get(user), password)


def _account(user: User, password: str | None) -> AccountOut:
    return AccountOut.model_validate(user).model_copy(update={"password": password})
