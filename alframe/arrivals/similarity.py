"""Which images look the same: perceptual hashes that are near, and thumbnails that agree."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import imagehash
import numpy as np
import PIL.Image
from numpy.typing import NDArray

from alframe.data import Image
from alframe.errors import UnreadableImage

SMALLEST = 32
"""The shorter side, in pixels, from which on an image has a perceptual hash: that is the size to which it is scaled for
it, and what would have to be enlarged (a digit of 8 x 8) is too coarse to tell two images apart."""

NEAR = 10
"""Of the 64 bits of a hash, so many may differ between images that may be the same. Another compression or size changes
0 to 4 of them in a rich picture, up to 14 in a plain one; between pictures of different things about 32 differ."""

ALIKE = 5
"""By so many grey levels of 255 the thumbnails of one picture may differ anywhere. Another compression or size changes
1 to 3; a scratch across a tenth of the picture, which leaves its hash as it was in every second case, 8 to 30."""

MOST = 16
"""Of the images with the nearest hashes, so many are looked at: where a camera never moves, all of them are near."""


def perceptual_hash(image: Image) -> str:
    """The hash of what an image (H, W, 1 or 3) looks like, 16 hexadecimal digits; empty of one that is too small.

    Source: the low frequencies of the image's discrete cosine transform against their median (Zauner, "Implementation
    and benchmarking of perceptual image hash functions", 2010), as ``imagehash.phash`` computes them.
    """
    return "" if min(image.shape[:2]) < SMALLEST else str(imagehash.phash(_picture(image)))


def alike(first: Image, second: Image) -> bool:
    """Whether two images (H, W, 1 or 3), of any sizes, are copies: their thumbnails agree everywhere.

    A copy differs a little everywhere, and another state of the same thing, such as a new scratch, much somewhere.
    Brightness alone counts, because compression leaves little of colour.
    """
    return bool(np.abs(_thumbnail(first) - _thumbnail(second)).max() <= ALIKE)


def _thumbnail(image: Image) -> NDArray[np.int64]:
    """Mean grey levels, (32, 32)."""
    size = (SMALLEST, SMALLEST)
    return np.asarray(_picture(image).convert("L").resize(size, PIL.Image.Resampling.BOX), dtype=np.int64)


def _picture(image: Image) -> PIL.Image.Image:
    return PIL.Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)


class Lookalikes:
    """Finds, among images that become more, the one that another is a copy of.

    Hashes are compared in one pass of NumPy over all of them; only images with near ones are read.

    Args:
        most: how many there will be at most.
    """

    def __init__(self, most: int) -> None:
        self._hashes = np.empty(most, dtype=np.uint64)
        self._images: list[tuple[str, Callable[[], Image]]] = []

    def add(self, name: str, digits: str, read: Callable[[], Image]) -> None:
        """Remember an image.

        Args:
            name: its own.
            digits: its hash; one that is empty is like no other.
            read: gives its pixels.
        """
        if digits:
            self._hashes[len(self._images)] = int(digits, 16)
            self._images.append((name, read))

    def find(self, image: Image, digits: str, distance: int) -> tuple[str, int] | None:
        """The name of the image that this one is a copy of, and in how many bits their hashes differ; ``None`` if none.

        Args:
            image: the other one.
            digits: its hash.
            distance: in how many bits the hashes of copies may differ.
        """
        for row, bits in self.near(digits, distance):
            name, read = self._images[row]
            with suppress(UnreadableImage):
                if alike(read(), image):
                    return name, bits
        return None

    def near(self, digits: str, distance: int) -> list[tuple[int, int]]:
        """Which images, numbered as they came, have a hash within ``distance`` bits, and in how many it differs.

        The nearest first, and of equally near ones those that came first; at most ``MOST``.
        """
        if not digits:
            return []
        differing = np.bitwise_count(self._hashes[: len(self._images)] ^ np.uint64(int(digits, 16)))
        rows = np.flatnonzero(differing <= distance)
        rows = rows[np.argsort(differing[rows], kind="stable")][:MOST]
        return [(row, int(differing[row])) for row in rows.tolist()]
