"""What a data source knows of its samples, and what people say of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alframe.types.arrays import UNLABELLED, Ids, Labels, Positions
from alframe.types.objects import Label


@dataclass(frozen=True, eq=False)
class SampleTable:
    """What a data source knows of its samples, as columns of one length ``N``.

    Attributes:
        ids: stable and unique names.
        labels: int64 class indices, ``UNLABELLED`` where the source knows none; or ``Objects``, ``None`` where it knows
            none.
        held_out: true for test samples, which are never queried.
        groups: slice names (a camera, a site), empty where there is none.
        costs: what labelling the sample costs, in the user's unit; 1 where nothing else is said.
        evidence: how much speaks against what the model says of the sample: a user's word, a failed check; 0 where
            nothing does. ``None`` if there is none of any.
    """

    ids: Ids
    labels: Labels
    held_out: NDArray[np.bool_]
    groups: NDArray[np.str_]
    costs: NDArray[np.float64]
    evidence: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: Positions) -> SampleTable:
        """The samples at ``rows``, in that order."""
        return SampleTable(**{name: column[rows] for name, column in vars(self).items() if column is not None})

    @property
    def has_objects(self) -> bool:
        """Whether labels are objects, and not classes."""
        return self.labels.dtype == np.object_

    @property
    def known(self) -> NDArray[np.bool_]:
        """(N,) whether the source knows the sample's label."""
        if self.has_objects:
            return np.array([label is not None for label in self.labels], dtype=np.bool_)
        return np.asarray(self.labels != UNLABELLED)


@dataclass(frozen=True)
class Query:
    """The samples that a round asks labels for.

    Attributes:
        round: 0 for the first labelled set.
        ids: the samples, most wanted first.
        scores: one per sample, or ``None``.
        strategy: the name of the strategy that chose.
        model: the version (SHA-256 of the weights) of the learner it looked through; empty for the first set.
    """

    round: int
    ids: tuple[str, ...]
    scores: tuple[float, ...] | None
    strategy: str
    model: str


@dataclass(frozen=True)
class Prediction:
    """What a learner says of one sample, for people to look at, and to correct.

    Attributes:
        label: the most probable class, or the objects it sees.
        probs: the probability of each class; ``None`` for objects, which have scores of their own.
    """

    label: Label
    probs: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Annotation:
    """One statement about one sample: its label, or why it has none.

    Attributes:
        key: names the statement; offering the same key again changes nothing.
        sample_id: the sample.
        label: its class or its objects; ``None`` if the sample is to be set aside.
        annotator: who says so.
        round: the round that asked.
        model: the version of the learner through which the sample was chosen.
        reason: why there is no label; ``None`` where there is one.
    """

    key: str
    sample_id: str
    label: Label | None
    annotator: str
    round: int
    model: str
    reason: str | None = None
