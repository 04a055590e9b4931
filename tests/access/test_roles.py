from __future__ import annotations

from dataclasses import replace

import pytest
from accounts import some_user

from alframe.access.roles import Role, Roles
from alframe.errors import Forbidden, NotFound
from alframe.labelling import Project, Projects
from alframe.storage.service import ServiceDatabase


def a_project(database: ServiceDatabase, name: str = "digits") -> Project:
    return Projects(database).create(name, "classification", ["0", "1"], by="root")


def test_each_role_may_do_what_those_before_it_may(database: ServiceDatabase) -> None:
    """Every role held to every role that is asked for; in another project it counts for nothing."""
    roles, ann = Roles(database), some_user(database)
    here, there = a_project(database, "here"), a_project(database, "there")
    for theirs in Role:
        roles.grant(ann.id, here.id, theirs, by="root")
        for needed in Role:
            if theirs >= needed:
                assert roles.require(ann, here.id, needed) is theirs
            else:
                with pytest.raises(Forbidden, match=f"needs the role {needed.name}.*yours is {theirs.name}"):
                    roles.require(ann, here.id, needed)
            with pytest.raises(NotFound):
                roles.require(ann, there.id, needed)
    assert roles.of(ann.id) == {here.id: Role.manager}


def test_nobody_is_anything_unless_somebody_said_so(database: ServiceDatabase) -> None:
    """A project where one has no role looks like one that is not there."""
    roles, ann, project = Roles(database), some_user(database), a_project(database)
    said = []
    for project_id in (project.id, 99):
        with pytest.raises(NotFound) as refused:
            roles.require(ann, project_id, Role.viewer)
        said.append(str(refused.value).replace(str(project_id), "ID"))
    assert said[0] == said[1]
    assert roles.of(ann.id) == {}
    assert roles.members(project.id) == []


def test_an_admin_is_a_manager_of_every_project_there_is(database: ServiceDatabase) -> None:
    roles, root, project = Roles(database), some_user(database, "root", admin=True), a_project(database)
    roles.grant(root.id, project.id, Role.viewer, by="root")
    assert roles.require(root, project.id, Role.manager) is Role.manager
    assert roles.of(root.id) == {project.id: Role.manager}
    with pytest.raises(NotFound):
        roles.require(root, 99, Role.viewer)
    with pytest.raises(Forbidden):
        roles.require(replace(root, admin=False), project.id, Role.manager)


def test_members_are_those_with_a_role(database: ServiceDatabase) -> None:
    roles, project = Roles(database), a_project(database)
    bob, ann = some_user(database, "bob"), some_user(database, "ann")
    roles.grant(bob.id, project.id, Role.annotator, by="root")
    roles.grant(ann.id, project.id, Role.viewer, by="root")
    roles.grant(ann.id, project.id, Role.reviewer, by="root")
    assert [(each.user, each.role) for each in roles.members(project.id)] == [
        (ann, Role.reviewer),
        (bob, Role.annotator),
    ]
    roles.revoke(ann.id, project.id, by="root")
    assert [each.user for each in roles.members(project.id)] == [bob]
    with pytest.raises(NotFound, match="no role"):
        roles.revoke(ann.id, project.id, by="root")


def test_a_role_is_given_to_somebody_in_something(database: ServiceDatabase) -> None:
    roles, ann, project = Roles(database), some_user(database), a_project(database)
    with pytest.raises(NotFound, match="user"):
        roles.grant(99, project.id, Role.viewer, by="root")
    with pytest.raises(NotFound, match="project"):
        roles.grant(ann.id, 99, Role.viewer, by="root")
    with pytest.raises(NotFound, match="user"):
        roles.of(99)
