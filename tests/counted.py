"""The tiny problem, with images that are counted as they are decoded, and some that cannot be."""

from __future__ import annotations

import tiny

from alframe.data import Image
from alframe.errors import UnreadableImage


class Counted(tiny.Bars):
    """Bars whose ``reads`` are the positions that were decoded; those that are ``broken`` cannot be."""

    in_memory = False

    def __init__(self, count: int = 60, broken: tuple[int, ...] = ()) -> None:
        super().__init__(count)
        self.reads: list[int] = []
        self._broken = broken

    def read(self, position: int, side: int | None = None) -> Image:
        self.reads.append(position)
        if position in self._broken:
            raise UnreadableImage("truncated")
        return super().read(position, side)
