"""The embedded data set for detection and segmentation: synthetic metal surfaces, drawn when they are read."""

from __future__ import annotations

import numpy as np

from alframe.data.arrays import array_sha256
from alframe.data.source import Image, Source
from alframe.data.splits import held_out_mask
from alframe.data.surface_defects.defects import CLASSES, Defect, draw_defects
from alframe.data.surface_defects.surface import CAMERAS, draw_surface
from alframe.errors import ConfigurationError
from alframe.functional.randomness import generator
from alframe.types import Objects, SampleTable, label_array

SMALLEST = 32
"""Pixels: in smaller images the shapes of defects cannot be told apart."""


class SurfaceDefects(Source):
    """Synthetic grey pictures of metal with scratches, pits, stains and cracks; nothing is downloaded.

    They are drawn by rules and are no photographs: what a learner or a strategy does on them says that it works, not
    how well it does in a factory. Defects differ in contrast and size, and some are fainter than the texture. Every
    object has its box and its mask. Cracks are rare, in about one image of twenty; many images are empty, as most
    parts are. ``groups`` are three cameras that see another texture in another light.

    An image is drawn from the seed and its row alone, anew each time it is read: a larger set begins with the images
    of a smaller one.

    Args:
        count: how many images.
        size: height and width of each, in pixels.
        empty_share: of the images without a defect, in [0, 1).
        held_out: share that is held out, of the images with defects and of those without.
        seed: of the images and of the split.

    Raises:
        ConfigurationError: a size below 32, an empty share outside [0, 1).
        DataError: a share held out outside (0, 1), or too few images to split.
    """

    has_masks = True
    in_memory = True  # drawing cannot fail, and no process that reads ahead would be worth its start
    name = "surface_defects"
    classes = CLASSES

    def __init__(
        self, count: int = 600, size: int = 128, empty_share: float = 0.4, held_out: float = 0.25, seed: int = 0
    ) -> None:
        if size < SMALLEST or not 0 <= empty_share < 1:
            raise ConfigurationError(
                f"data: surface_defects needs a size from {SMALLEST} pixels up and an empty_share from 0 to below 1, "
                f"got {size} and {empty_share}"
            )
        self._size, self._seed, self._empty_share = size, seed, empty_share
        labels = label_array(Objects(tuple(d.as_object() for d in self._defects(row))) for row in range(count))
        cameras = np.array([self._camera(row) for row in range(count)], dtype=np.int64)
        defective = np.array([len(label) > 0 for label in labels], dtype=np.int64)
        self.table = SampleTable(
            ids=np.array([f"surface_defects/{row:05d}" for row in range(count)]),
            labels=labels,
            held_out=held_out_mask(defective, ("without defects", "with defects"), held_out, seed),
            groups=np.array([camera.name for camera in CAMERAS])[cameras],
            costs=np.ones(count),
        )

    def read(self, position: int, side: int | None = None) -> Image:  # noqa: ARG002 (drawn at one size)
        """Draw the image in row ``position`` of the table, (size, size, 1)."""
        camera = CAMERAS[self._camera(position)]
        levels = draw_surface(camera, self._size, generator(self._seed, "surface", position))
        for defect in self._defects(position):
            levels += defect.change
        return np.clip(np.rint(levels), 0, 255).astype(np.uint8)[..., None]

    def content_hash(self, position: int) -> str:
        """SHA-256 of the shape and the values of the image in row ``position``."""
        return array_sha256(self.read(position))

    def _camera(self, row: int) -> int:
        shares = [camera.share for camera in CAMERAS]
        return int(generator(self._seed, "camera", row).choice(len(CAMERAS), p=shares))

    def _defects(self, row: int) -> list[Defect]:
        rng = generator(self._seed, "defects", row)
        return [] if rng.random() < self._empty_share else draw_defects(self._size, rng)
