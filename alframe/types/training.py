"""What a learner is trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alframe.types.arrays import Floats, Labels, Positions


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """The samples of one training: new ones, and old ones that are replayed.

    Attributes:
        positions: (n,) into the source's table, ascending.
        labels: (n,) class indices or ``Objects``, from the label ledger.
        weights: (n,) how often each sample is drawn, in proportion; ``None`` if all are drawn equally often.
        new: (n,) whether the sample's label came after the learner that training begins from; all are new to the first.
        recalled: (n, C) class probabilities that the learner which had first learned an old sample gave it, NaN for new
            samples, 0 for classes that learner had no label of; ``None`` unless the training asks for them.
        learnt: (C,) which classes the learner that training begins from had labels of; ``None`` if of all it has.
    """

    positions: Positions
    labels: Labels
    weights: Floats | None = None
    new: NDArray[np.bool_] | None = None
    recalled: Floats | None = None
    learnt: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.positions)
