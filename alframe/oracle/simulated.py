"""An oracle that reveals the labels which the data source knows."""

from __future__ import annotations

from collections.abc import Mapping

from alframe.data import Source
from alframe.oracle.base import Oracle
from alframe.pool import UNKNOWN_LABEL
from alframe.types import UNLABELLED, Annotation, Label, Prediction, Query


class Simulated(Oracle):
    """Answers at once and without error; a sample whose label the source does not know is set aside until it does.

    Args:
        source: knows the true labels.
    """

    name = "simulated"

    def __init__(self, source: Source) -> None:
        table = source.table
        self._truth: dict[str, Label | None] = dict(zip(table.ids.tolist(), table.labels.tolist(), strict=True))

    def ask(self, query: Query, predictions: Mapping[str, Prediction] | None = None) -> None:
        """Do nothing: the answers are known."""

    def collect(self, query: Query) -> list[Annotation]:
        """Answer the whole query."""
        return [self._answer(sample_id, query) for sample_id in query.ids]

    def _answer(self, sample_id: str, query: Query) -> Annotation:
        label = self._truth[sample_id]
        if label is None or label == UNLABELLED:
            return self._annotation(sample_id, query, self.name, None, UNKNOWN_LABEL)
        return self._annotation(sample_id, query, self.name, label)

    def _annotation(
        self, sample_id: str, query: Query, annotator: str, label: Label | None, reason: str | None = None
    ) -> Annotation:
        key = f"{query.round}/{sample_id}/{annotator}"
        return Annotation(key, sample_id, label, annotator, query.round, query.model, reason)
