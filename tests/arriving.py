"""Images to offer to a pool, for tests of what arrives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from alframe.arrivals import WEIGHTS, Evidence, Item


def bar(row: int, seed: int = 0) -> NDArray[np.uint8]:
    """An image as ``tiny.Bars`` has them: 8x8, noisy, with a bright row."""
    pixels = np.random.default_rng(seed).integers(0, 120, (8, 8), dtype=np.uint8)
    pixels[row] = 255
    return pixels


def scene(seed: int, side: int = 64) -> NDArray[np.uint8]:
    """A smooth random picture, (side, side, 3): what perceptual hashes are made for."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return np.asarray(PIL.Image.fromarray(coarse).resize((side, side), PIL.Image.Resampling.BICUBIC))


def save(path: Path, pixels: NDArray[np.uint8], **options: Any) -> Path:
    """Write an image in the format that its name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.fromarray(pixels).save(path, **options)
    return path


def item(path: Path, label: str = "", weight: float = WEIGHTS["feedback"], group: str = "") -> Item:
    """The file as a folder beside it would offer it."""
    evidence = Evidence("feedback", weight, label=label)
    return Item(path.parent, path.name, str(path), group, 1.0, evidence)
