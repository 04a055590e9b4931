"""What people said in Label Studio of a task, made one answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from alframe.functional import consensus_boxes
from alframe.labelling.settings import Kind
from alframe.oracle.label_studio.results import label_of
from alframe.oracle.label_studio.tasks import Given
from alframe.oracle.tool import Answer
from alframe.types import Label, Objects

Several: TypeAlias = Literal["majority", "latest"]
"""What several annotations of one task come to."""


@dataclass(frozen=True)
class Reader:
    """Makes answers of annotations.

    Attributes:
        kind: what people were asked for.
        classes: their names.
        overlap: so many people must have answered or skipped.
        several: what their annotations come to.
    """

    kind: Kind
    classes: Sequence[str]
    overlap: int
    several: Several

    def answer(self, given: Iterable[Given], height: int, width: int) -> Answer | None:
        """What annotations of an image of this size come to; ``None`` while some are missing.

        Nothing but skips, nothing that can be read, and people who disagree set the image aside with the reason: a
        later annotation may bring it back.
        """
        latest = sorted(given, key=lambda each: (each.updated_at, each.id), reverse=True)
        if len(latest) < self.overlap:
            return None
        who = "label_studio: " + ", ".join(dict.fromkeys(_person(each.completed_by) for each in latest))
        version = f"{len(latest)}@{latest[0].updated_at or latest[0].id}"
        labels, reasons = self._labels(latest, height, width)
        if not labels:
            return Answer(None, who, reasons[0], version)
        label = self._one(labels, (height, width))
        why = f"people disagree: none of {len(labels)} answers is that of more than half" if label is None else None
        return Answer(label, who, why, version)

    def _labels(self, given: Sequence[Given], height: int, width: int) -> tuple[list[Label], list[str]]:
        labels, reasons = [], []
        for each in given:
            if each.was_cancelled:
                reasons.append("skipped in Label Studio")
                continue
            try:
                labels.append(label_of(each.result, self.kind, self.classes, height, width))
            except ValueError as error:
                reasons.append(f"annotation {each.id} of Label Studio cannot be used: {error}")
        return labels, reasons

    def _one(self, labels: Sequence[Label], size: tuple[int, int]) -> Label | None:
        """One of several, the latest first; of classes that of more than half, ``None`` where none has as many."""
        drawn = [each for each in labels if isinstance(each, Objects)]
        if self.several == "latest" or len(labels) == 1:
            return labels[0]
        if drawn:
            return consensus_boxes(drawn, size=size).objects
        label, votes = Counter(labels).most_common(1)[0]
        return label if 2 * votes > len(labels) else None


def _person(completed_by: object) -> str:
    """Their number; an export may have their address too, which is nobody's business here."""
    return str(completed_by.get("id") if isinstance(completed_by, dict) else completed_by)
