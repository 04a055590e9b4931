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
from alframe.labelling.queue.tasks import NewTask
from alframe.labelling.settling.agreement import class_votes
from alframe.labelling.settling.settlements import latest
from alframe.storage.service import ServiceDatabase
from alframe.storage.service.tables import ItemRow, SettlementRow, SubmissionRow
from alframe.types import Label

Probs = Mapping[int, ArrayLike]
"""(C,) class probabilities by item id, of a model that was not trained on the item."""


@dataclass(frozen=True)
class Suspect:
    """A label that holds and is likely wrong.

    Attributes:
        item_id: of which item.
        label: what holds.
        quality: how far it is to be believed, in [0, 1].
    """

    item_id: int
    label: int
    quality: float


@dataclass(frozen=True)
class Worth:
    """What one more label of an item is worth, in [0, 1], by item id: for those that have labels, and for others."""

    again: Mapping[int, float]
    first: Mapping[int, float]


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
        held = select(SettlementRow.item_id, SettlementRow.label).join(ItemRow, ItemRow.id == SettlementRow.item_id)
        rows = session.execute(held.where(latest(project_id), ItemRow.held == "").order_by(SettlementRow.item_id))
        labels = {item: label for item, label in rows if label is not None and item in probs}
    if not labels:
        return []
    found = label_errors(np.array(list(labels.values()), dtype=np.int64), _stacked(probs, list(labels), project))
    items = list(labels)
    return [Suspect(items[at], labels[items[at]], float(found.quality[at])) for at in found.positions]


def worth(database: ServiceDatabase, project_id: int, probs: Probs) -> Worth:
    """What one more label of each item is worth: another one, or the first; on one scale, see ``activelab``.

    Args:
        database: of the service.
        project_id: a project of classes.
        probs: of the items that may be asked about, answered or not.

    Raises:
        NotFound: there is no such project.
        InvalidInput: a project of objects, probabilities that are none, no item that somebody answered.
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
    if not given:
        raise InvalidInput(f"nobody has answered any of the {len(probs)} items: there is nothing to ask again")
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
    round: int,
    doubted: Sequence[Suspect],
    worths: Worth,
    *,
    model: str,
    limit: int,
) -> int:
    """Ask one person more about the doubted labels that are worth most; what comes of it is a new version.

    Their scores are those of ``worth``, so that a round that gives new items theirs has both in one order. The model's
    doubts are not shown. Asked again in the same round nothing changes.

    Args:
        database: of the service.
        project_id: which project.
        round: of the cycle.
        doubted: as from ``suspects``.
        worths: as from ``worth``.
        model: the version of the model that doubts them.
        limit: at most so many.

    Returns:
        How many tasks are new.

    Raises:
        NotFound: there is no such project.
    """
    known = sorted((each for each in doubted if each.item_id in worths.again), key=lambda each: each.item_id)
    most = sorted(known, key=lambda each: -worths.again[each.item_id])[:limit]
    tasks = [NewTask(each.item_id, worths.again[each.item_id]) for each in most]
    return Queue(database).ask(project_id, round, tasks, model=model, kind="relabel", overlap=1)


def _of_classes(project: Project) -> Project:
    if project.kind != "classification":
        raise InvalidInput(f"likely errors are found among classes; project {project.name!r} is for {project.kind}")
    return project


def _stacked(probs: Probs, items: Sequence[int], project: Project) -> NDArray[np.float64]:
    rows = np.array([probs[item] for item in items], dtype=np.float64).reshape(len(items), -1)
    if items and rows.shape[1] != len(project.classes):
        raise InvalidInput(f"probabilities are of {rows.shape[1]} classes, the project has {len(project.classes)}")
    return rows.reshape(len(items), len(project.classes))
