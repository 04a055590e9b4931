"""Sources whose images fit in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from alframe.data.source import Image, Source
from alframe.types import SampleTable


class ArraySource(Source):
    """Images of one size in one array, (N, H, W, 1 or 3) uint8, without groups and at unit cost."""

    in_memory = True

    def __init__(
        self,
        name: str,
        classes: tuple[str, ...],
        images: NDArray[np.uint8],
        ids: Sequence[str],
        labels: NDArray[np.int64],
        held_out: NDArray[np.bool_],
    ) -> None:
        self.name = name
        self.classes = classes
        self.table = SampleTable(
            ids=np.array(ids),
            labels=labels,
            held_out=held_out,
            groups=np.full(len(ids), ""),
            costs=np.ones(len(ids)),
        )
        self._images = images
        # A transform that works in place fails instead of changing the data.
        self._images.flags.writeable = False

    def read(self, position: int, side: int | None = None) -> Image:  # noqa: ARG002 (nothing is left to decode)
        """Return the image in row ``position`` of the table, read-only and whole."""
        image: Image = self._images[position]
        return image

    def content_hash(self, position: int) -> str:
        """SHA-256 of the shape and the values of the image in row ``position``."""
        return array_sha256(self.read(position))


def array_sha256(image: Image) -> str:
    """SHA-256 of an image's shape and values."""
    return hashlib.sha256(f"{image.shape}".encode() + image.tobytes()).hexdigest()
