"""What a round asks of the labelling service: its query, in the service's words, and what comes of it beforehand."""

from __future__ import annotations

import math
from collections.abc import Mapping

from rich.markup import escape
from sqlalchemy import select

from alframe.data import Source
from alframe.functional.randomness import generator
from alframe.labelling.projects import Project
from alframe.labelling.settings import Kind
from alframe.labelling.signals.auto_accept import Confident, accept
from alframe.labelling.signals.relabelling import queue_relabels, stored_probs, suspects, worth
from alframe.progress import say
from alframe.storage.service import ServiceDatabase
from alframe.storage.service.tables import TaskRow
from alframe.types import Objects, Prediction, Query


def kind_of(source: Source) -> Kind:
    """What people give: masks where the source has them, boxes where it has objects, else classes."""
    if not source.table.has_objects:
        return "classification"
    return "segmentation" if source.has_masks else "detection"


def scores_of(query: Query) -> list[float]:
    """The strategy's, or, where it has none, the order in which it chose."""
    if query.scores is not None and all(map(math.isfinite, query.scores)):
        return list(query.scores)
    return [float(rank) for rank in range(len(query.ids), 0, -1)]


def take_sure_ones(database: ServiceDatabase, project: Project, query: Query, said: Mapping[int, Prediction]) -> None:
    """Take what the model is sure enough of without people, as far as the project lets it.

    Args:
        database: of the service.
        project: that is asked.
        query: what is asked.
        said: what the model says of its items.
    """
    if project.settings.auto_accept.confidence is None:
        return
    predictions = [_confident(item, prediction) for item, prediction in said.items()]
    rng = generator(0, "accept", project.name, query.round)
    done = accept(database, project.id, query.round, predictions, model=query.model, rng=rng, by="system")
    if done.stopped:
        say(f"[yellow]no prediction is accepted without people[/]: {escape(done.stopped)}")
    else:
        taken = f"{len(done.accepted)} predictions accepted without people, {len(done.audited)} of them checked"
        say(f"round {query.round:>3}   {taken}")


def ask_again(
    database: ServiceDatabase, project: Project, query: Query, said: Mapping[int, Prediction]
) -> Mapping[int, float]:
    """Ask again about labels that the model doubts, as far as the project wants that; before the query itself is asked.

    A round that has asked for anything asks no more, so that one that was killed may be asked again.

    Args:
        database: of the service.
        project: that is asked.
        query: what is asked.
        said: what the model says of its items.

    Returns:
        What a label of each item is worth, by its id: the scores of the new ones, which wait in one order with those
        that are asked again. Empty where there are none of these, and the strategy's scores stand.

    Raises:
        ConfigurationError: cleanlab is not installed.
    """
    limit = round(project.settings.relabel * len(query.ids))
    if not limit:
        return {}
    new = {item: prediction.probs for item, prediction in said.items() if prediction.probs is not None}
    probs = stored_probs(database, project.id) | new
    kinds = _asked_kinds(database, project, query)
    doubted = [] if kinds else suspects(database, project.id, probs)
    if not doubted and "relabel" not in kinds:
        return {}
    worths = worth(database, project.id, probs)
    again = queue_relabels(database, project.id, query.round, doubted, worths, model=query.model, limit=limit)
    if again:
        say(f"round {query.round:>3}   {again} labels that the model doubts are asked for again")
    return {**worths.first, **worths.again} if again or kinds else {}


def _asked_kinds(database: ServiceDatabase, project: Project, query: Query) -> set[str]:
    """What the round has asked for already; what production systems had asked again meanwhile is of no model."""
    kinds = TaskRow.kind.in_(("label", "relabel"))
    ours = (TaskRow.project_id == project.id, TaskRow.round == query.round, TaskRow.model == query.model)
    with database.read() as session:
        return set(session.scalars(select(TaskRow.kind).where(*ours, kinds).distinct()))


def _confident(item_id: int, said: Prediction) -> Confident:
    """How sure the model is of a class; of objects, of the least sure one. That there are none it cannot be sure of."""
    if said.probs is not None:
        return Confident(item_id, said.label, min(max(said.probs), 1.0))  # which rounding may exceed
    least = min((each.score or 0.0 for each in said.label), default=0.0) if isinstance(said.label, Objects) else 0.0
    return Confident(item_id, said.label, least)
