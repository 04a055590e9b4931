"""Strategies that ask for more samples like some that are labelled: query by example, for rare classes."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.errors import ConfigurationError
from alframe.functional import flqmi, gcmi, max_herding, unit_length
from alframe.strategy.base import Strategy, required, required_labels
from alframe.types import Floats, Positions, Predictions, Selection

log = logging.getLogger(__name__)


class QueryByExample(Strategy):
    """More like the labelled samples of ``classes``, and less like those of ``avoid_classes``.

    Where there is no example, as in the first round or for a class that does not exist, the choice covers the pool by
    MaxHerding, and a warning is logged if classes are named.

    Args:
        classes: what is wanted; ``None`` for the class with the fewest labelled samples, the lowest of several.
        avoid_classes: what to stay away from.

    Raises:
        ConfigurationError: no class, a negative one, or one both wanted and avoided.
    """

    needs = frozenset({"embeddings"})
    uses_labelled = True

    def __init__(self, *, classes: Sequence[int] | None = None, avoid_classes: Sequence[int] = ()) -> None:
        named = [*(classes or ()), *avoid_classes]
        if (
            (classes is not None and len(classes) == 0)
            or min(named, default=0) < 0
            or set(classes or ()) & set(avoid_classes)
        ):
            raise ConfigurationError(
                f"classes must be null or hold a class, each 0 or above and none of them in "
                f"avoid_classes; got classes={classes} and avoid_classes={avoid_classes}"
            )
        self._classes = classes
        self._avoid_classes = avoid_classes

    @abstractmethod
    def _informative(self, embeddings: Floats, query: Floats, budget: int, avoid: Floats, /) -> Positions:
        """The embeddings that say most about the query and least about what to avoid."""

    def _choose(
        self, unlabelled: Predictions, budget: int, labelled: Predictions | None, _rng: np.random.Generator, /
    ) -> Selection:
        embeddings = required(unlabelled, "embeddings")
        known, labels = embeddings[:0], np.empty(0, dtype=np.int64)
        if labelled is not None:
            known, labels = required(labelled, "embeddings"), required_labels(labelled)
        avoided = np.isin(labels, self._avoid_classes)
        wanted = np.isin(labels, self._classes if self._classes is not None else _fewest(labels[~avoided]))
        if not wanted.any():
            if self._classes is not None:
                log.warning("no labelled sample of classes %s: covering instead", list(self._classes))
            return Selection(max_herding(unit_length(embeddings), budget, unit_length(known)))
        return Selection(self._informative(embeddings, known[wanted], budget, known[avoided]))


class Flqmi(QueryByExample):
    """Resembles the examples and represents each of them (Kothawade et al. 2021, facility location)."""

    def _informative(self, embeddings: Floats, query: Floats, budget: int, avoid: Floats, /) -> Positions:
        return flqmi(embeddings, query, budget, avoid=avoid)


class Gcmi(QueryByExample):
    """Resembles the examples most, however much alike the choices are (Kothawade et al. 2021, graph cut)."""

    def _informative(self, embeddings: Floats, query: Floats, budget: int, avoid: Floats, /) -> Positions:
        return gcmi(embeddings, query, budget, avoid=avoid)


def _fewest(labels: NDArray[Any]) -> NDArray[Any]:
    """The class that occurs least often, the lowest of several; none where there is no label."""
    classes, counts = np.unique(labels, return_counts=True)
    return np.asarray(classes[counts.argmin(axis=0, keepdims=True)] if len(classes) else classes)
