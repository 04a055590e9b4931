"""How far a run has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alframe.types.arrays import Floats, Ids
from alframe.types.evaluation import CurvePoint
from alframe.types.objects import Objects


@dataclass(frozen=True, eq=False)
class PoolView:
    """What one learner said of the unlabelled pool when ``round`` began.

    Attributes:
        round: the round that asked.
        ids: (N,) sample ids.
        classes: (N,) int64, the most probable class.
        entropy: (N,) of the predicted probabilities, in nats.
    """

    round: int
    ids: Ids
    classes: NDArray[np.int64]
    entropy: Floats


@dataclass(frozen=True, eq=False)
class Progress:
    """How far a run has come, for deciding whether to stop.

    Attributes:
        curve: the evaluations so far, oldest first.
        views: what each learner said of the pool, oldest first; empty unless a stopping rule needs ``probs``.
        gain: the highest score of the query just chosen; ``None`` where there is no query or no score.
        labels: how many labels people have given.
        cost: what those labels cost, in the user's unit.
    """

    curve: tuple[CurvePoint, ...]
    views: tuple[PoolView, ...]
    gain: float | None
    labels: int
    cost: float


@dataclass(frozen=True)
class Preview:
    """What a learner saw in the images that ``round`` asked about, when it asked.

    Attributes:
        round: the round that asked.
        found: the objects in each image, with scores where the learner gives them, by sample id.
    """

    round: int
    found: Mapping[str, Objects]
