"""Which images look the same: perceptual hashes, compared by the bits in which they differ."""

from __future__ import annotations

import imagehash
import numpy as np
import PIL.Image

from alframe.data import Image

SMALLEST = 32
"""The shorter side, in pixels, from which on an image has a perceptual hash: that is the size to which it is scaled for
it, and what would have to be enlarged (a digit of 8 x 8) is too coarse to tell two images apart."""

NEAR = 2
"""Of the 64 bits of a hash, so many may differ between images that look the same. Another compression or size changes 0
to 2 of them; between pictures of different things about 32 differ."""


def perceptual_hash(image: Image) -> str:
    """The hash of what an image (H, W, 1 or 3) looks like, 16 hexadecimal digits; empty of one that is too small.

    Source: the low frequencies of the image's discrete cosine transform against their median (Zauner, "Implementation
    and benchmarking of perceptual image hash functions", 2010), as ``imagehash.phash`` computes them.
    """
    if min(image.shape[:2]) < SMALLEST:
        return ""
    return str(imagehash.phash(PIL.Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)))


class Lookalikes:
    """Finds, among hashes that become more, the nearest to another one: one pass of NumPy over all of them.

    Args:
        most: how many there will be at most.
    """

    def __init__(self, most: int) -> None:
        self._hashes = np.empty(most, dtype=np.uint64)
        self._names: list[str] = []

    def add(self, name: str, digits: str) -> None:
        """Remember the hash of ``name``; one that is empty is like no other."""
        if digits:
            self._hashes[len(self._names)] = int(digits, 16)
            self._names.append(name)

    def nearest(self, digits: str) -> tuple[str, int] | None:
        """The first name whose hash differs in the fewest bits, and in how many; ``None`` where there is none."""
        if not digits or not self._names:
            return None
        differing = np.bitwise_count(self._hashes[: len(self._names)] ^ np.uint64(int(digits, 16)))
        row = int(differing.argmin())
        return self._names[row], int(differing[row])
