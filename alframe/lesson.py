"""What a round learns: a learner is trained on what its memory holds, and evaluated."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from typing import cast

import numpy as np

from alframe.calibration import Calibration
from alframe.errors import DataError
from alframe.evaluation import evaluate
from alframe.functional.randomness import derive_seed
from alframe.learner import Classifier, Learner, save_weights
from alframe.memory import Memory
from alframe.pool import State
from alframe.steps import Steps
from alframe.storage import artefact, load_record, save_record
from alframe.training import Training
from alframe.types import CurvePoint

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Lesson(Steps):
    """The steps ``train`` and ``evaluate`` of a round.

    Attributes:
        memory: says what to train on.
        training: fits a learner.
        calibration: scales its probabilities to what held-out samples say.
    """

    memory: Memory
    training: Training
    calibration: Calibration

    def train(self, round: int) -> None:
        """Train a learner, from the champion where training goes on from one, and keep its weights.

        Raises:
            DataError: there is nothing to train on, or nothing that can be read.
        """
        if self.journal.done(round, "train"):
            return
        with self.journal.step(round, "train", artefact(round, "weights.safetensors")) as path:
            learner = self._fit(round)
            if self.calibration.needs_held_out:
                validation, seed = self.pool.in_state(State.VALIDATION), derive_seed(self.seed, round, "calibrate")
                self.calibration.fit(cast("Classifier", learner), self.data, validation, self.make_trainer, seed=seed)
            save_weights(learner, path)
        self.learners.remember(round, learner)

    def evaluate(self, round: int) -> CurvePoint:
        """Score the learner of ``round`` on the test samples.

        Raises:
            DataError: none of them can be read.
        """
        if not self.journal.done(round, "evaluate"):
            with self.journal.step(round, "evaluate", artefact(round, "evaluation.json")) as path:
                test, seed = self.pool.in_state(State.TEST), derive_seed(self.seed, round, "evaluate")
                evaluation = evaluate(self.learners.of(round), self.data, test, self.make_trainer, seed=seed)
                labelled = self.pool.labelled()[0]
                groups = set(self.pool.table.groups[labelled].tolist()) - {""}
                found = CurvePoint(round, len(labelled), evaluation, tuple(sorted(groups)))
                save_record(path, found)
                self.pool.set_aside(self.data.unreadable, round)
            log.info("round finished", extra=asdict(found))
        return load_record(self.journal.path(round, "evaluate"), CurvePoint)

    def _fit(self, round: int) -> Learner:
        samples, base = self.memory.training_set(round), self.learners.base(round)
        learner = self.training.fit(
            self.learners.make,
            self.data,
            samples,
            self.make_trainer,
            validation=self.pool.in_state(State.VALIDATION),
            seed=derive_seed(self.seed, round, "train"),
            base=self.learners.of(base) if base is not None and self.training.continues else None,
        )
        lost = np.isin(samples.positions, list(self.data.unreadable))
        if not lost.any():
            return learner
        if lost.all():
            raise DataError(f"none of the {len(samples)} labelled images can be read: are they still there?")
        # Some were lost on the way. Train on the others alone, as a run does that is killed here and started again.
        self.pool.set_aside(self.data.unreadable, round)
        return self._fit(round)
