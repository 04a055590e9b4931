"""Scratches, pits, stains and cracks: where each covers a surface, and how it changes the grey levels there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import PIL.Image
from numpy.typing import NDArray
from PIL import ImageDraw
from scipy.ndimage import uniform_filter

from alframe.functional.regions import box_of, encode_region
from alframe.types import Object

CLASSES = ("scratch", "pit", "stain", "crack")
SHARES = (0.40, 0.33, 0.22, 0.05)
"""Of all defects: one in twenty is a crack."""
COUNTS = (0.55, 0.25, 0.13, 0.07)
"""Of the images with defects: how many have one, two, three, four."""
FINE = 4
"""Outlines are drawn so many times larger and averaged down, which makes their edges smooth."""
USUAL = 128
"""The size of image, in pixels, at which lengths are as written here; elsewhere they are scaled."""

Floats = NDArray[np.float32]
Points = NDArray[np.float64]


class Defect(NamedTuple):
    """One defect.

    Attributes:
        label: index into ``CLASSES``.
        cover: (S, S) share of each pixel that it covers, in [0, 1].
        change: (S, S) what it adds to the grey levels.
    """

    label: int
    cover: Floats
    change: Floats

    def as_object(self) -> Object:
        """Its box and mask: the pixels of which it covers half or more."""
        pixels = self.cover >= 0.5
        return Object(box_of(pixels), self.label, encode_region(pixels))


def draw_defects(size: int, rng: np.random.Generator) -> list[Defect]:
    """The defects of one surface, one at least; a later one lies on top of an earlier one."""
    count = 1 + rng.choice(len(COUNTS), p=COUNTS)
    return [Defect(int(label), *_DRAW[label](size, rng)) for label in rng.choice(len(CLASSES), size=count, p=SHARES)]


def _scratch(size: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """A long thin arc whose ground shines."""
    unit = size / USUAL
    middle, angle = _place(size, rng, 0.15), rng.uniform(0, np.pi)
    along = np.array([np.cos(angle), np.sin(angle)])
    half, bow = rng.uniform(14, 46) * unit, rng.normal(0, 2.5) * unit
    steps = np.linspace(-1, 1, 13)[:, None]
    points = middle + steps * half * along + (1 - steps**2) * bow * along[::-1] * (-1, 1)
    cover = _strokes([points], max(rng.uniform(1.5, 2.6) * unit, 1.5), size)
    return cover, _contrast(rng, 20, 75) * cover - 18 * _edges(cover)


def _pit(size: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """A small dark hole, its far wall lit from above."""
    radius = max(rng.uniform(2.2, 6.5) * size / USUAL, 1.8)
    cover = _blob(_place(size, rng, 0.06), radius, rng.uniform(0.75, 1), 0.18, size, rng)
    depth = _contrast(rng, 20, 80)
    return cover, -depth * cover - 0.7 * depth * _edges(cover)


def _stain(size: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """A wide dim patch without a sharp edge, darker towards its rim as a drop is that has dried."""
    radius = rng.uniform(9, 24) * size / USUAL
    cover = _blob(_place(size, rng, 0.12), radius, rng.uniform(0.55, 1), 0.22, size, rng)
    soft = uniform_filter(cover, max(3, round(radius / 3)))
    return cover, -_contrast(rng, 13, 44) * (soft + 1.2 * soft * (1 - soft))


def _crack(size: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """A jagged dark line that branches."""
    trunk = _walk(_place(size, rng, 0.2), rng.uniform(0, 2 * np.pi), int(rng.integers(9, 17)), size, rng)
    branches = [trunk]
    for start in rng.choice(np.arange(2, len(trunk) - 2), size=rng.integers(1, 4), replace=False):
        ahead = np.arctan2(*(trunk[start + 1] - trunk[start])[::-1])
        turn = rng.choice((-1, 1)) * rng.uniform(0.5, 1.1)
        branches.append(_walk(trunk[start], ahead + turn, int(rng.integers(3, 7)), size, rng))
    cover = _strokes(branches, max(1.7 * size / USUAL, 1.5), size)
    return cover, -_contrast(rng, 28, 80) * cover


_DRAW: tuple[Callable[[int, np.random.Generator], tuple[Floats, Floats]], ...] = (_scratch, _pit, _stain, _crack)


def _contrast(rng: np.random.Generator, low: float, high: float) -> np.float32:
    """How strongly a defect shows, in grey levels: more often faintly than clearly."""
    return np.float32(low + (high - low) * rng.beta(1.3, 1.8))


def _place(size: int, rng: np.random.Generator, margin: float) -> Points:
    return rng.uniform(margin * size, (1 - margin) * size, size=2)


def _walk(start: Points, angle: float, steps: int, size: int, rng: np.random.Generator) -> Points:
    """Corners of a line that keeps its direction on the whole and turns at each of them, -> (steps + 1, 2)."""
    angles = angle + rng.normal(0, 0.55, size=steps)
    lengths = rng.uniform(2.5, 6, size=steps) * size / USUAL
    moves = lengths[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return np.concatenate([start[None], start + np.cumsum(moves, axis=0)])


def _blob(
    centre: Points, radius: float, flatness: float, roughness: float, size: int, rng: np.random.Generator
) -> Floats:
    """The cover of a closed curve around ``centre``: an ellipse with waves along its edge."""
    around = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    waves = np.arange(2, 6)
    heights = rng.normal(0, roughness, size=4) / waves
    radii = radius * (1 + (heights * np.cos(np.outer(around, waves) + rng.uniform(0, 2 * np.pi, size=4))).sum(axis=1))
    x, y = radii * np.cos(around), flatness * radii * np.sin(around)
    turn = rng.uniform(0, np.pi)
    outline = centre + np.stack([x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)], axis=1)
    canvas = _canvas(size)
    ImageDraw.Draw(canvas).polygon((outline * FINE).ravel().tolist(), fill=255)
    return _averaged(canvas)


def _strokes(lines: Sequence[Points], width: float, size: int) -> Floats:
    """The cover of lines of one width, in pixels."""
    canvas = _canvas(size)
    pen = ImageDraw.Draw(canvas)
    for points in lines:
        pen.line((points * FINE).ravel().tolist(), fill=255, width=round(width * FINE), joint="curve")
    return _averaged(canvas)


def _canvas(size: int) -> PIL.Image.Image:
    return PIL.Image.new("L", (FINE * size, FINE * size))


def _averaged(canvas: PIL.Image.Image) -> Floats:
    return np.asarray(canvas.reduce(FINE), dtype=np.float32) / np.float32(255)


def _edges(cover: Floats) -> Floats:
    """Where the cover begins (1) and ends (-1) from above, which light from above shades."""
    return np.diff(cover, axis=0, prepend=cover[:1])
