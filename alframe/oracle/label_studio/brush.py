"""Masks as Label Studio stores them: run lengths of RGBA bytes, packed bit by bit (the format of rle-pack by thi.ng).

32 bits say how many bytes there are, 5 the bits of one (less 1), and 4 times 4 the sizes that a length may have (less
1). Then each run has a bit that says whether one byte is repeated or all are listed, 2 that choose the size of its
length, its length (less 1), and the byte or the bytes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

CHANNELS, BITS = 4, 8
LENGTHS = (3, 4, 8, 16)
"""Bits of a length; the shortest that fits is chosen."""


def encode_brush(pixels: NDArray[np.bool_]) -> list[int]:
    """The bytes that stand for the pixels that are true, (H, W) ->.

    >>> encode_brush(np.array([[True, False]]))
    [0, 0, 0, 8, 57, 27, 252, 127, 241, 128, 0]
    """
    flat = np.asarray(pixels, dtype=np.bool_).ravel()
    starts = np.flatnonzero(np.diff(flat, prepend=~flat[:1]))
    bits = [f"{CHANNELS * flat.size:032b}", f"{BITS - 1:05b}", *(f"{length - 1:04b}" for length in LENGTHS)]
    for start, end in zip(starts, [*starts[1:], flat.size], strict=True):
        left, byte = CHANNELS * int(end - start), f"{255 * int(flat[start]):08b}"
        while left:
            count = min(left, 2 ** LENGTHS[-1])
            size = next(row for row, length in enumerate(LENGTHS) if count <= 2**length)
            bits += ["1", f"{size:02b}", f"{count - 1:0{LENGTHS[size]}b}", byte]
            left -= count
    joined = "".join(bits)
    padded = joined.ljust(-(-len(joined) // 8) * 8, "0")
    return list(int(padded, 2).to_bytes(len(padded) // 8))


def decode_brush(packed: Sequence[int], height: int, width: int) -> NDArray[np.bool_]:
    """The pixels that are more than half opaque: the inverse of ``encode_brush``, -> (H, W).

    >>> decode_brush([0, 0, 0, 8, 57, 27, 252, 127, 241, 128, 0], 1, 2)
    array([[ True, False]])

    Raises:
        ValueError: bytes that are none, or of an image of another size; what they claim takes no memory before.
    """
    bits = _Bits(bytes(packed))
    count = bits.read(32)
    if count != CHANNELS * height * width:
        raise ValueError(f"the mask has {count} bytes, and not {CHANNELS} for each of {width} x {height} pixels")
    word = bits.read(5) + 1
    lengths = [bits.read(4) + 1 for _ in LENGTHS]
    found = np.zeros(count, dtype=np.int64)
    at = 0
    while at < count:
        repeated = bits.read(1)
        end = at + 1 + bits.read(lengths[bits.read(2)])
        if end > count:
            raise ValueError("the mask's run lengths go beyond its end")
        found[at:end] = bits.read(word) if repeated else [bits.read(word) for _ in range(end - at)]
        at = end
    return np.asarray(found.reshape(height, width, CHANNELS)[..., -1] > 127)


class _Bits:
    """Numbers of any few bits out of bytes, one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def read(self, size: int) -> int:
        start, end = self._at, self._at + size
        if end > 8 * len(self._data):
            raise ValueError("the mask's run lengths end too early")
        self._at = end
        few = self._data[start // 8 : -(-end // 8)]
        return int.from_bytes(few) >> (-end % 8) & ((1 << size) - 1)
