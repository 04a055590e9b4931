"""Two projects to try the service with, on the embedded data: digits to classify, defects to draw boxes around."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

from alframe.access.passwords import one_time_password
from alframe.access.roles import Role
from alframe.data import Digits, Source, SurfaceDefects
from alframe.functional import least_confidence
from alframe.labelling.items import NewItem
from alframe.labelling.projects import Project
from alframe.labelling.queue.tasks import NewTask
from alframe.labelling.settings import Kind
from alframe.server.service import Service
from alframe.types import Positions, Prediction

BY = "system"
ANNOTATOR, DIGITS, DEFECTS = "annotator", "digits", "surface defects"
IMAGES = 100
SIDE = 256
"""Pixels of an image of defects."""

DIGITS_GUIDELINES = """# Which digit is it?

Say what the writer **meant**. Where nobody could tell, say so, and why.
"""
DEFECTS_GUIDELINES = """# Where is the surface damaged?

Draw a box around each defect, as tight as you can. A surface without one is an answer too.

- **scratch**: a thin line
- **pit**: a small dark hole
- **stain**: a large spot without an edge
- **crack**: a dark line that branches
"""


@dataclass(frozen=True)
class Demonstration:
    """What there is to try: names of projects, and who may annotate them, with a password."""

    projects: tuple[str, ...]
    annotator: str
    password: str


def demonstrate(service: Service) -> Demonstration | None:
    """Make both projects, and an account to annotate them with; ``None`` where some of it is there already."""
    names = {project.name for project in service.projects.all()} | {user.name for user in service.users.all()}
    if names & {DIGITS, DEFECTS, ANNOTATOR}:
        return None
    password = one_time_password()
    annotator, _ = service.users.create(ANNOTATOR, password, by=BY)
    for project in (_digits(service), _defects(service)):
        service.roles.grant(annotator.id, project.id, Role.annotator, by=BY)
    return Demonstration((DIGITS, DEFECTS), ANNOTATOR, password)


def _digits(service: Service) -> Project:
    """Digits with the predictions of a model that knows few of them, those that it is least sure of first."""
    source = Digits()
    pool = np.flatnonzero(~source.table.held_out)
    asked, known = pool[:IMAGES], pool[-IMAGES:]
    images = np.stack([source.read(int(row)).ravel() for row in pool]) / 255.0
    model = LogisticRegression().fit(images[-IMAGES:], source.table.labels[known])
    probs = model.predict_proba(images[:IMAGES])
    project, items = _project(service, DIGITS, "classification", source, asked, DIGITS_GUIDELINES)
    tasks = [
        NewTask(item, score, Prediction(int(model.classes_[row.argmax()]), tuple(row.tolist())))
        for item, score, row in zip(items, least_confidence(probs), probs, strict=True)
    ]
    service.queue.ask(project.id, 0, tasks, model="demonstration")
    return project


def _defects(service: Service) -> Project:
    source = SurfaceDefects(count=IMAGES, size=SIDE)
    project, items = _project(service, DEFECTS, "detection", source, np.arange(IMAGES), DEFECTS_GUIDELINES)
    service.queue.ask(project.id, 0, [NewTask(item) for item in items])
    return project


def _project(
    service: Service, name: str, kind: Kind, source: Source, rows: Positions, guidelines: str
) -> tuple[Project, list[int]]:
    """A project with the images in ``rows`` of a source, and the ids of their items, in that order."""
    project = service.projects.create(name, kind, source.classes, guidelines=guidelines, by=BY)
    table = source.table.take(rows)
    stored = [service.images.put_array(source.read(int(row))) for row in rows]
    new = [
        NewItem(str(name), image, str(group))
        for name, image, group in zip(table.ids, stored, table.groups, strict=True)
    ]
    ids = service.items.add(project.id, new, by=BY)
    return project, [ids[each.sample_id] for each in new]
