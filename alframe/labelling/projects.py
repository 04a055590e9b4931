"""Labelling projects: what is labelled, with which classes, and how the work goes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import get_args

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from alframe.errors import Conflict, InvalidInput, NotFound
from alframe.labelling.settings import Kind, ProjectSettings
from alframe.storage.service import ServiceDatabase, record
from alframe.storage.service.tables import ProjectRow


@dataclass(frozen=True)
class Project:
    """One labelling project.

    Attributes:
        id: names it in the database.
        name: names it to people.
        kind: what an annotator gives.
        classes: names of the classes; a label gives their positions.
        settings: how the work goes.
        guidelines: what annotators read, as Markdown.
        paused: whether nothing is given out.
        version: counts its changes, so that nobody overwrites what they have not seen.
    """

    id: int
    name: str
    kind: Kind
    classes: tuple[str, ...]
    settings: ProjectSettings
    guidelines: str
    paused: bool
    version: int


class Projects:
    """The projects of a service."""

    def __init__(self, database: ServiceDatabase) -> None:
        self._database = database

    def create(
        self,
        name: str,
        kind: Kind,
        classes: Sequence[str],
        settings: ProjectSettings | None = None,
        guidelines: str = "",
        *,
        by: str,
    ) -> Project:
        """Add a project, with default settings unless others are given; ``by`` is the name of who asks for it.

        Raises:
            Conflict: there is a project of this name.
            InvalidInput: no name, an unknown kind, no classes or one of them twice, settings that name another class or
                are not for this kind.
        """
        settings = settings or ProjectSettings()
        if not name.strip() or kind not in get_args(Kind):
            raise InvalidInput(
                f"a project has a name and is one of {', '.join(get_args(Kind))}; got {name!r}, {kind!r}"
            )
        if not classes or len(set(classes)) < len(classes) or not all(each.strip() for each in classes):
            raise InvalidInput(f"a project needs classes, each named once; got {list(classes)}")
        _check(settings, kind, classes)
        row = ProjectRow(
            name=name,
            kind=kind,
            classes=list(classes),
            settings=settings.model_dump(mode="json"),
            guidelines=guidelines,
        )
        try:
            with self._database.write() as session:
                session.add(row)
                session.flush()
                record(session, by, "project.create", f"project/{row.id}", {"name": name, "kind": kind})
        except IntegrityError as error:
            raise Conflict(f"there is a project {name!r} already; choose another name") from error
        return _project(row)

    def get(self, project_id: int) -> Project:
        """The project of this id.

        Raises:
            NotFound: there is none.
        """
        with self._database.read() as session:
            return load_project(session, project_id)

    def named(self, name: str) -> Project:
        """The project of this name.

        Raises:
            NotFound: there is none.
        """
        with self._database.read() as session:
            row = session.scalar(select(ProjectRow).where(ProjectRow.name == name))
            if row is None:
                names = session.scalars(select(ProjectRow.name).order_by(ProjectRow.name)).all()
                raise NotFound(f"there is no project {name!r}; there are {', '.join(names) or 'none yet'}")
            return _project(row)

    def all(self) -> list[Project]:
        """Every project, in the order they were made."""
        with self._database.read() as session:
            return [_project(row) for row in session.scalars(select(ProjectRow).order_by(ProjectRow.id))]

    def change(
        self,
        project_id: int,
        *,
        version: int,
        by: str,
        settings: ProjectSettings | None = None,
        guidelines: str | None = None,
        paused: bool | None = None,
    ) -> Project:
        """Change what is given of the project whose ``version`` the caller has seen; open tasks keep their overlap.

        Raises:
            NotFound: there is no such project.
            Conflict: it has been changed since.
            InvalidInput: settings that name a class it does not have, or are not for its kind.
        """
        with self._database.write() as session:
            row = session.get(ProjectRow, project_id, with_for_update={"key_share": True})
            if row is None:
                raise _missing(project_id)
            if row.version != version:
                raise Conflict(f"project {row.name!r} is at version {row.version}, not {version}: load it again")
            changes: dict[str, object] = {}
            if settings is not None:
                _check(settings, row.kind, row.classes)
                changes["settings"] = settings.model_dump(mode="json")
            if guidelines is not None:
                changes["guidelines"] = guidelines
            if paused is not None:
                changes["paused"] = paused
            for name, value in changes.items():
                setattr(row, name, value)
            row.version += 1
            record(session, by, "project.change", f"project/{project_id}", {"version": row.version, **changes})
            return _project(row)

    def extend(self, project_id: int, classes: Sequence[str], *, by: str) -> Project:
        """Append classes to those of the project; labels keep their meaning. Those it has already change nothing.

        Raises:
            NotFound: there is no such project.
            InvalidInput: a class without a name.
        """
        with self._database.write() as session:
            row = session.get(ProjectRow, project_id, with_for_update={"key_share": True})
            if row is None:
                raise _missing(project_id)
            if not all(each.strip() for each in classes):
                raise InvalidInput(f"a class needs a name; got {list(classes)}")
            if new := [each for each in dict.fromkeys(classes) if each not in row.classes]:
                row.classes = [*row.classes, *new]
                row.version += 1
                record(session, by, "project.extend", f"project/{project_id}", {"classes": new})
            return _project(row)


def load_project(session: Session, project_id: int, *, lock: bool = False) -> Project:
    """The project of this id, as the session sees it; with ``lock`` nobody else who asks so gets it meanwhile.

    Raises:
        NotFound: there is none.
    """
    row = session.get(ProjectRow, project_id, with_for_update={"key_share": True} if lock else None)
    if row is None:
        raise _missing(project_id)
    return _project(row)


def _missing(project_id: int) -> NotFound:
    return NotFound(f"there is no project {project_id}")


def _project(row: ProjectRow) -> Project:
    settings = ProjectSettings.model_validate(row.settings)
    kind: Kind = row.kind  # type: ignore[assignment]  # checked when it was made
    return Project(row.id, row.name, kind, tuple(row.classes), settings, row.guidelines, row.paused, row.version)


def _check(settings: ProjectSettings, kind: str, classes: Sequence[str]) -> None:
    if settings.relabel and kind != "classification":
        raise InvalidInput(f"relabel is {settings.relabel}, but labels are doubted among classes only, not in {kind}")
    if unknown := set(_named(settings)) - set(classes):
        raise InvalidInput(f"settings name {', '.join(sorted(unknown))}; the classes are {', '.join(classes)}")


def _named(settings: ProjectSettings) -> Iterator[str]:
    yield from settings.safety_critical
    yield from settings.examples
    yield from settings.rules.allowed_classes or ()
    yield from settings.rules.needs_rationale
    for pair in settings.rules.exclusive:
        yield from pair
