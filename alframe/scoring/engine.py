"""Where a pass over a pool is computed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection

from pytorch_lightning import Trainer

from alframe.data import ImageData
from alframe.learner import Classifier
from alframe.scoring.predict import Pace, Sink, stream
from alframe.types import Need, Positions


class Engine(ABC):
    """Computes the predictions of a pass, wherever it likes, and hands on the batches that one process would."""

    @abstractmethod
    def stream(
        self,
        learner: Classifier,
        data: ImageData,
        positions: Positions,
        needs: Collection[Need],
        make_trainer: Callable[..., Trainer],
        sink: Sink,
        *,
        seed: int,
    ) -> Pace:
        """Give ``sink`` each batch, in the order of ``positions``, as ``alframe.scoring.stream`` does."""


class Local(Engine):
    """This process, and those that it has read images for it."""

    def stream(
        self,
        learner: Classifier,
        data: ImageData,
        positions: Positions,
        needs: Collection[Need],
        make_trainer: Callable[..., Trainer],
        sink: Sink,
        *,
        seed: int,
    ) -> Pace:
        """``alframe.scoring.stream``."""
        return stream(learner, data, positions, needs, make_trainer, sink, seed=seed)


LOCAL = Local()
