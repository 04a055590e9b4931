"""Tasks as Label Studio has them, in its API and in its files: those we make, and those that come back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from alframe.data.formats.reading import validated
from alframe.errors import DataError
from alframe.labelling.settings import Kind
from alframe.oracle.label_studio.results import IMAGE, results_of
from alframe.types import Objects, Prediction, Query

UNNAMED = "alframe"
"""The version of a model that has none."""


def model_version(query: Query) -> str:
    """What Label Studio calls the learner that looked at a query."""
    return query.model[:12] or UNNAMED


def new_task(query: Query, sample_id: str, image: str, predictions: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A task that asks about a sample.

    Args:
        query: that asks.
        sample_id: the sample.
        image: the address of its image.
        predictions: see ``prediction_of``.
    """
    return {"data": {IMAGE: image, "sample": sample_id, "round": query.round}, "predictions": list(predictions)}


def prediction_of(
    said: Prediction | None, query: Query, kind: Kind, classes: Sequence[str], size: tuple[int, int]
) -> list[dict[str, Any]]:
    """The predictions of a task: one, or none; its score is the class's probability, or the mean of what objects have.

    Args:
        said: by the learner, if it said anything.
        query: that asks.
        kind: what people are asked for.
        classes: their names.
        size: height and width of the image.
    """
    if said is None:
        return []
    if isinstance(said.label, Objects):
        scores = [each.score for each in said.label if each.score is not None]
    else:
        scores = [] if said.probs is None else [said.probs[said.label]]
    score = {"score": float(np.mean(scores))} if scores else {}
    return [{"model_version": model_version(query), "result": results_of(said.label, kind, classes, *size)} | score]


@dataclass(frozen=True)
class Given:
    """An annotation, as Label Studio has it; drafts are none."""

    id: int
    result: list[Any]
    was_cancelled: bool = False
    completed_by: Any = None
    updated_at: str = ""


@dataclass(frozen=True)
class TaskData:
    """What a task says of its image: the sample, and the round that asked."""

    sample: str
    round: int


@dataclass(frozen=True)
class Task:
    """A task of ours and what people said of it."""

    data: TaskData
    annotations: list[Given] = field(default_factory=list)


TASK = TypeAdapter(Task)


def tasks_of(found: Iterable[object]) -> list[Task]:
    """Those of Label Studio's tasks that are ours: others have no sample and no round.

    Raises:
        DataError: one of ours that is none of Label Studio's.
    """
    ours = []
    for each in found:
        data = each.get("data") if isinstance(each, dict) else None
        if isinstance(data, dict) and {"sample", "round"} <= data.keys():
            try:
                ours.append(validated(TASK, each))
            except ValueError as error:
                raise DataError(f"the task of {data['sample']!r} is none of Label Studio's: {error}") from error
    return ours
