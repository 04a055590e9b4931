"""Sheets of metal as three cameras see them: brushed, ground or rolled, each under its own light."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d


@dataclass(frozen=True)
class Camera:
    """What one camera looks at, and how; heights and lengths are for pictures of any size.

    Attributes:
        name: of the group of its images.
        share: how many of the images are its own, in [0, 1].
        brightness: grey level of the sheet, in [0, 255].
        stroke: length of a mark of the brush, in pixels.
        slant: columns by which a mark moves from one row to the next.
        grain: standard deviation of the texture, in grey levels.
        noise: standard deviation of the sensor's noise, in grey levels.
        falloff: by how many grey levels the light falls from its brightest place to a corner's distance.
    """

    name: str
    share: float
    brightness: float
    stroke: int
    slant: float
    grain: float
    noise: float
    falloff: float


CAMERAS = (
    Camera("camera 1", share=0.5, brightness=158, stroke=41, slant=0.0, grain=9.0, noise=2.5, falloff=26),
    Camera("camera 2", share=0.3, brightness=178, stroke=17, slant=1.6, grain=11.0, noise=3.5, falloff=48),
    Camera("camera 3", share=0.2, brightness=112, stroke=3, slant=0.0, grain=7.0, noise=6.0, falloff=34),
)
"""A brushed sheet, one that is ground at a slant under a lamp at its side, and a rolled one in the dark."""


def draw_surface(camera: Camera, size: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """A sheet without defects, -> (size, size) grey levels, not yet cut to [0, 255]."""
    return _light(camera, size, rng) + _brushing(camera, size, rng) + _noise(camera, size, rng)


def _light(camera: Camera, size: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """The lamp's cone: brightest somewhere near the middle, darker with the square of the distance."""
    x, y = rng.uniform(0.1, 0.9, size=2)
    places = (np.arange(size, dtype=np.float32) + 0.5) / size
    distance = (places - np.float32(x)) ** 2 + (places[:, None] - np.float32(y)) ** 2
    brightness = camera.brightness + rng.normal(0, 8)
    return np.asarray(brightness + camera.falloff * (0.3 - 2 * distance), dtype=np.float32)


def _brushing(camera: Camera, size: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Marks along the rows, moved sideways from row to row where the brush went at a slant."""
    marks = rng.standard_normal((size, size), dtype=np.float32)
    marks = uniform_filter1d(marks, camera.stroke, axis=1, mode="wrap")
    if camera.slant:
        rows = np.arange(size)
        moved = np.rint(rows * camera.slant).astype(np.intp)
        marks = marks[rows[:, None], (rows - moved[:, None]) % size]
    return np.asarray(marks * (camera.grain / marks.std()), dtype=np.float32)


def _noise(camera: Camera, size: int, rng: np.random.Generator) -> NDArray[np.float32]:
    return np.float32(camera.noise) * rng.standard_normal((size, size), dtype=np.float32)
