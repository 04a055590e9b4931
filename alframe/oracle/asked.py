"""A query in the labelling service's words."""

from __future__ import annotations

import math

from alframe.data import Source
from alframe.labelling.settings import Kind
from alframe.labelling.signals.auto_accept import Confident
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


def confident(item_id: int, said: Prediction) -> Confident:
    """How sure the model is of a class; of objects, of the least sure one. That there are none it cannot be sure of."""
    if said.probs is not None:
        return Confident(item_id, said.label, min(max(said.probs), 1.0))  # which rounding may exceed
    least = min((each.score or 0.0 for each in said.label), default=0.0) if isinstance(said.label, Objects) else 0.0
    return Confident(item_id, said.label, least)
