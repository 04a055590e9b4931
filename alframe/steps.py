"""What all steps of a round work with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pytorch_lightning import Trainer

from alframe.data import ImageData
from alframe.learners import Learners
from alframe.pool import Pool
from alframe.storage import Journal


@dataclass(frozen=True, kw_only=True)
class Steps:
    """Some of the steps of a run's rounds.

    Attributes:
        data: reads the images.
        pool: the samples, their states and labels.
        learners: of the rounds.
        make_trainer: builds a Lightning Trainer.
        journal: says which steps are done.
        seed: of the run.
    """

    data: ImageData
    pool: Pool
    learners: Learners
    make_trainer: Callable[..., Trainer]
    journal: Journal
    seed: int
