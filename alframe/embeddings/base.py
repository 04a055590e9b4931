"""What frozen embeddings are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pytorch_lightning import Trainer

from alframe.data import ImageData
from alframe.learner import quiet_trainer
from alframe.types import Positions


@dataclass(frozen=True, eq=False)
class Embedded:
    """Samples and where they lie.

    Attributes:
        positions: (N,) rows of the source's table: those asked for, in that order, but for what cannot be read.
        points: (N, D) float32, read-only and in a file: a memory map, to be read in blocks.
    """

    positions: Positions
    points: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.positions)


class FrozenEmbeddings(ABC):
    """Embeds images without learning from labels, so that an image's point does not change while labels come in."""

    @abstractmethod
    def embed(
        self,
        data: ImageData,
        positions: Positions,
        folder: Path,
        make_trainer: Callable[..., Trainer] = quiet_trainer,
    ) -> Embedded:
        """The samples at these table positions; one that turns out to be unreadable is left out.

        What was computed is kept in ``folder`` under the content of each image, so that the same call reads no image
        again and a pool that has grown costs only what is new. Several processes may share a folder: one computes, the
        others wait. Killed at any moment, it goes on where it was.

        Args:
            data: reads the images; notes what it cannot read.
            positions: (N,) rows of the source's table.
            folder: a cache; it may be deleted, at the price of computing again.
            make_trainer: builds a Lightning Trainer: where and in which precision to compute what is new.
        """
