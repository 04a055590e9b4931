"""A tiny source of objects: bright squares, small and large, on dark images, for detectors and segmenters."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from alframe.data import Image, Source, Transforms
from alframe.functional.regions import encode_region
from alframe.types import Object, Objects, SampleTable, label_array


class Squares(Source):
    """Noisy grey images with up to two squares that do not overlap; every fourth image is held out, the first is empty.

    Args:
        count: how many images.
        size: height and width.
        seed: of everything.
        one_class: whether small and large squares are the same.
    """

    name = "squares"
    in_memory = True
    has_masks = True

    def __init__(self, count: int = 24, size: int = 32, seed: int = 0, *, one_class: bool = False) -> None:
        rng = np.random.default_rng(seed)
        self.classes = ("square",) if one_class else ("small", "large")
        self.pixels: NDArray[np.uint8] = rng.integers(0, 60, (count, size, size, 1), dtype=np.uint8)
        labels = [self._draw(image, rng, one_class) if row else Objects() for row, image in enumerate(self.pixels)]
        self.table = SampleTable(
            ids=np.array([f"squares/{row:03d}" for row in range(count)]),
            labels=label_array(labels),
            held_out=np.arange(count) % 4 == 3,
            groups=np.array(["left" if row % 2 else "right" for row in range(count)]),
            costs=np.ones(count),
        )

    def read(self, position: int, side: int | None = None) -> Image:  # noqa: ARG002 (in memory)
        image: Image = self.pixels[position]
        return image

    def content_hash(self, position: int) -> str:
        return hashlib.sha256(self.pixels[position].tobytes()).hexdigest()

    def _draw(self, image: NDArray[np.uint8], rng: np.random.Generator, one_class: bool) -> Objects:
        half = len(image) // 2
        found = []
        for first_row in rng.permutation([0, half])[: rng.integers(0, 3)].tolist():
            large = bool(rng.integers(2))
            edge = half - 2 if large else half // 2
            top = first_row + int(rng.integers(0, half - edge + 1))
            left = int(rng.integers(0, len(image) - edge + 1))
            pixels = np.zeros(image.shape[:2], dtype=np.bool_)
            pixels[top : top + edge, left : left + edge] = True
            image[pixels] = rng.integers(180, 255, (edge * edge, 1))
            box = (float(left), float(top), float(left + edge), float(top + edge))
            found.append(Object(box, 0 if one_class or not large else 1, encode_region(pixels)))
        return Objects(tuple(found))


def transforms(size: int = 32, **steps: object) -> Transforms:
    """Grey tensors of this size."""
    return Transforms(image_size=size, channels=1, mean=[0.3], std=[0.3], **steps)  # type: ignore[arg-type]
