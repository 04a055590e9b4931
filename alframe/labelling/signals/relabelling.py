"""Labels that a model doubts are asked about again, on one scale with what nobody has labelled yet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sqlalchemy import select

from alframe.errors import InvalidInput
from alframe.functional import activelab, label_errors
from alframe.labelling.projects import Project, load_project
from alframe.labelling.queue.queue import Queue
from alframe.labelling.queue.tasks import NewTask, last_round, probs_when_asked
from alframe.labelling.settling.agreement import class_votes
from alframe.labelling.settling.settlements import latest
from alframe.storage.service import ServiceDatabase
from alframe.storage.service.tables import ItemRow, SettlementRow, SubmissionRow, TaskRow
from alframe.types import Label

Probs = Mapping[int, ArrayLike]
"""(C,) class probabilities by item id, of a model that was not trained on the item."""


@dataclass(frozen=True)
class Suspect:
    """A label that holds and is likely wrong.

    Attributes:
        item_id: of which item.
        sample_id: the item's name in the data source.
        label: what holds.
        predicted: what the model says instead.
        quality: how far the label is to be believed, in [0, 1].
    """

    item_id: int
    sample_id: str
    label: int
    predicted: int
    quality: float


@dataclass(frozen=True)
class Worth:
    """What one more label of an item is worth, in [0, 1], by item id: for those that have labels, and for others."""

    again: Mapping[int, float]
    first: Mapping[int, float]


def stored_probs(database: ServiceDatabase, project_id: int) -> dict[int, tuple[float, ...]]:
    """(C,) what the model held each item's classes for, by item id, when the latest round asked for its label.

    It had not been trained on the item then, so that it may doubt what people have said since.

    Raises:
        NotFound: there is no such project.
        InvalidInput: a project of objects.
    """
    with database.read() as session:
        return probs_when_asked(session, _of_classes(load_project(session, project_id)))


def suspects(database: ServiceDatabase, project_id: int, probs: Probs) -> list[Suspect]:
    """Labels that hold and that a model contradicts, the most suspicious first; see ``label_errors``.

    Args:
        database: of the service.
        project_id: a project of classes.
        probs: of labelled items; those without a label are passed over.

    Raises:
        NotFound: there is no such project.
        InvalidInput: a project of objects, probabilities that are none.
        ConfigurationError: cleanlab is not installed.
    """
    with database.read() as session:
        project = _of_classes(load_project(session, project_id))
        columns = ItemRow.id, ItemRow.sample_id, SettlementRow.label
        held = select(*columns).join(ItemRow, ItemRow.id == SettlementRow.item_id).order_by(ItemRow.id)
        rows = session.execute(held.where(latest(project_id), ItemRow.held == "")).all()
    rows = [row for row in rows if row.label is not None and row.id in probs]
    if not rows:
        return []
    stacked = _stacked(probs, [row.id for row in rows], project)
    found = label_errors(np.array([row.label for row in rows], dtype=np.int64), stacked)
    predicted = stacked.argmax(axis=1).tolist()
    return [
        Suspect(rows[at].id, rows[at].sample_id, rows[at].label, predicted[at], float(found.quality[at]))
        for at in found.positions
    ]


def worth(database: ServiceDatabase, project_id: int, probs: Probs) -> Worth:
    """What one more label of each item is worth: another one, or the first; on one scale, see ``activelab``.

    Args:
        database: of the service.
        project_id: a project of classes.
        probs: of the items that may be asked about, answered or not.

    Raises:
        NotFound: there is no such project.
        InvalidInput: a project of objects, probabilities that are none.
        ConfigurationError: cleanlab is not installed.
    """
    given: dict[int, dict[int, Label]] = defaultdict(dict)
    with database.read() as session:
        project = _of_classes(load_project(session, project_id))
        columns = SubmissionRow.item_id, SubmissionRow.annotator_id, SubmissionRow.label
        said = select(*columns).where(SubmissionRow.project_id == project_id).order_by(SubmissionRow.id)
        for item, annotator, label in session.execute(said):
            if label is not None and item in probs:
                given[item][annotator] = label
    again, first = sorted(given), sorted(set(probs) - set(given))
    annotators = sorted({annotator for theirs in given.values() for annotator in theirs})
    votes = class_votes([given[item] for item in again], annotators)
    found = activelab(votes, _stacked(probs, again, project), _stacked(probs, first, project))
    return Worth(
        dict(zip(again, found.again.tolist(), strict=True)), dict(zip(first, found.first.tolist(), strict=True))
    )


def queue_relabels(
    database: ServiceDatabase,
    project_id: int,
    round: int | None,
    doubted: Sequence[Suspect],
    worths: Worth,
    *,
    model: str,
    limit: int,
) -> int:
    """Ask one person more about the doubted labels that are worth most; what comes of it is a new version.

    Their scores are those of ``worth``, so that a round that gives new items theirs has both in one order. The model's
    doubts are not shown. What was asked again once is left alone: nothing new speaks against it.

    Args:
        database: of the service.
        project_id: which project.
        round: of the cycle; the latest that asked for anything if ``None``.
        doubted: as from ``suspects``.
        worths: as from ``worth``.
        model: the version of the model that doubts them.
        limit: at most so many.

    Returns:
        How many tasks are new.

    Raises:
        NotFound: there is no such project.
    """
    once = TaskRow.project_id == project_id, TaskRow.kind == "relabel", TaskRow.state != "withdrawn"
    with database.read() as session:
        round = last_round(session, project_id) if round is None else round
        done = set(session.scalars(select(TaskRow.item_id).where(*once)))
    left = sorted({each.item_id for each in doubted if each.item_id in worths.again} - done)
    most = sorted(left, key=lambda item: -worths.again[item])[:limit]
    tasks = [NewTask(item, worths.again[item]) for item in most]
    return Queue(database).ask(project_id, round, tasks, model=model, kind="relabel", overlap=1)


def _of_classes(project: Project) -> Project:
    if project.kind != "classification":
        raise InvalidInput(f"likely errors are found among classes; project {project.name!r} is for {project.kind}")
    return project


def _stacked(probs: Probs, items: Sequence[int], project: Project) -> NDArray[np.float64]:
    rows = [np.asarray(probs[item], dtype=np.float64) for item in items]
    if wrong := {len(row) for row in rows} - {len(project.classes)}:
        raise InvalidInput(f"probabilities are of {min(wrong)} classes, the project has {len(project.classes)}")
    return np.array(rows).reshape(len(rows), len(project.classes))
