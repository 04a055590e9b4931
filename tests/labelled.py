"""Projects of the labelling service, for tests."""

from __future__ import annotations

from typing import Any

from alframe.labelling.projects import Project
from alframe.labelling.settings import Kind, ProjectSettings


def project_of(kind: Kind = "classification", **settings: Any) -> Project:
    """A project of three classes that lies in no database."""
    return Project(1, "animals", kind, ("cat", "dog", "owl"), ProjectSettings(**settings), "", False, 1)
