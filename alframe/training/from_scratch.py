"""Training that owes nothing to earlier learners."""

from __future__ import annotations

from alframe.learner import Learner
from alframe.training.base import Training
from alframe.types import TrainingSet


class FromScratch(Training):
    """Trains a new learner from new initial weights."""

    def begin(self, learner: Learner, base: Learner | None, samples: TrainingSet) -> None:
        """New weights are all that it begins with."""
