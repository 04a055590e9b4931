"""The one interface behind which images come from anywhere."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from alframe.types import SampleTable

Image = NDArray[np.uint8]
"""(H, W, 1) grey or (H, W, 3) RGB, uint8."""


class Source(ABC):
    """Images with stable ids, and what is known of each.

    Attributes:
        name: a short name for folders and titles.
        classes: class names; a label is an index into them.
        table: one row per sample, training samples and held-out ones.
        has_masks: whether each object comes with its mask, where labels are objects.
        in_memory: whether every image was decoded when the source was opened, so that reading cannot fail.
    """

    has_masks: bool = False
    in_memory: bool = False
    name: str
    classes: tuple[str, ...]
    table: SampleTable

    def lacking_masks(self) -> str:
        """What it has where ``has_masks`` is false, for a message: how many objects lack theirs, and where first."""
        table = self.table
        masks = [(name, each.mask) for name, known in zip(table.ids, table.labels, strict=True) for each in known or ()]
        without = [name for name, mask in masks if mask is None]
        if len(without) in (0, len(masks)):
            return "boxes only"
        return f"{len(without)} of {len(masks)} objects without a mask, the first in {without[0]}"

    @abstractmethod
    def read(self, position: int, side: int | None = None) -> Image:
        """Decode the image in row ``position`` of the table, (H, W, 1 or 3) uint8.

        Args:
            position: the row.
            side: a smaller image is enough, as long as its shorter side has at least so many pixels; the whole image
                if ``None``. A source for which that saves nothing may ignore it.

        Raises:
            UnreadableImage: it cannot be decoded, with the reason.
        """

    @abstractmethod
    def content_hash(self, position: int) -> str:
        """SHA-256 of what is stored for row ``position``: a file's bytes, or an array's shape and values."""
