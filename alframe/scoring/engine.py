"""Where a pass over a pool is computed."""

from __future__ import annotations

from abc import ABC, abstractmethod

from alframe.scoring.predict import Pace, Pass, Sink, stream


class Engine(ABC):
    """Computes the predictions of a pass, wherever it likes, and hands on the batches that one process would."""

    @abstractmethod
    def stream(self, work: Pass, sink: Sink) -> Pace:
        """Give ``sink`` each batch, in the order of the positions, as ``alframe.scoring.stream`` does."""


class Local(Engine):
    """This process, and those that it has read images for it."""

    def stream(self, work: Pass, sink: Sink) -> Pace:
        """``alframe.scoring.stream``."""
        return stream(work, sink)


LOCAL = Local()
