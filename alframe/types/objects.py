"""What can be seen in an image: objects, each in its box and, where somebody drew it, under its mask."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from alframe.types.arrays import UNLABELLED, Labels


@dataclass(frozen=True, slots=True)
class Rle:
    """The pixels of a region as run lengths, as COCO compresses them.

    Attributes:
        size: height and width of the image, in pixels.
        counts: the compressed string.
    """

    size: tuple[int, int]
    counts: str


@dataclass(frozen=True, slots=True)
class Polygons:
    """The outline of a region; of several rings the region is the union.

    Attributes:
        rings: x and y of each corner in turn, in pixels of the image: (x0, y0, x1, y1, ...), three corners or more.
    """

    rings: tuple[tuple[float, ...], ...]


Mask: TypeAlias = Rle | Polygons


@dataclass(frozen=True, slots=True)
class Object:
    """One object.

    Attributes:
        box: left, top, right and bottom edge, in pixels of the image: x from 0 to its width, y from 0 to its height.
        label: class index; ``UNLABELLED`` where the region is only to be ignored.
        mask: its pixels; ``None`` where only its box is known.
        crowd: several objects under one box or mask, which are not told apart.
        difficult: so hard to see that finding it earns nothing, and missing it costs nothing.
        score: how sure the learner is of it, in [0, 1]; ``None`` where people drew it.
    """

    box: tuple[float, float, float, float]
    label: int
    mask: Mask | None = None
    crowd: bool = False
    difficult: bool = False
    score: float | None = None

    @property
    def ignored(self) -> bool:
        """Whether training and evaluation pass it over."""
        return self.crowd or self.difficult or self.label == UNLABELLED


@dataclass(frozen=True, slots=True)
class Objects:
    """All objects of one image; none of them is an answer too."""

    objects: tuple[Object, ...] = ()

    def __len__(self) -> int:
        return len(self.objects)

    def __iter__(self) -> Iterator[Object]:
        return iter(self.objects)

    @property
    def boxes(self) -> NDArray[np.float64]:
        """(n, 4) left, top, right and bottom edges."""
        return np.array([each.box for each in self.objects], dtype=np.float64).reshape(-1, 4)

    @property
    def labels(self) -> NDArray[np.int64]:
        """(n,) class indices."""
        return np.array([each.label for each in self.objects], dtype=np.int64)

    @property
    def ignored(self) -> NDArray[np.bool_]:
        """(n,) whether training and evaluation pass the object over."""
        return np.array([each.ignored for each in self.objects], dtype=np.bool_)


Label: TypeAlias = int | Objects
"""What is known of one image: its class, or its objects. Masks of classes are objects too, one for each class."""


def label_array(labels: Iterable[Label | None]) -> Labels:
    """An array of class indices, int64, or of ``Objects``; ``None`` is an image whose objects nobody knows.

    >>> label_array([2, 0]).dtype
    dtype('int64')
    >>> label_array([Objects(), None])
    array([Objects(objects=()), None], dtype=object)
    """
    found = list(labels)
    if all(isinstance(label, int) for label in found):
        return np.array(found, dtype=np.int64)
    return np.fromiter(found, dtype=np.object_, count=len(found))
