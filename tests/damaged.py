"""A source with images that cannot be read, in a module that a spawned process can import."""

from __future__ import annotations

import tiny

from alframe.data import Image
from alframe.errors import UnreadableImage


class Damaged(tiny.Bars):
    """Bars of which these positions cannot be read."""

    in_memory = False

    def __init__(self, count: int, lost: set[int]) -> None:
        super().__init__(count)
        self.lost = lost

    def read(self, position: int, side: int | None = None) -> Image:
        if position in self.lost:
            raise UnreadableImage("truncated file")
        return super().read(position, side)
