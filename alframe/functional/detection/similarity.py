"""How alike images are by their regions: each is matched with the nearest of its category in the other image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional.blocks import at_least_single, on_all_cores, row_blocks
from alframe.functional.checks import check_budget
from alframe.functional.detection.padding import check_detections
from alframe.functional.geometry.directions import unit_length
from alframe.functional.greedy import lazy_greedy
from alframe.types import Positions

TILE = 1 << 10
"""Most regions along a side of the products that are made at once, or those of one image: 8 MiB in double precision."""

AT_ONCE = 64
"""How many images meet the newest centres at once."""


def category_similarity(box_embeddings: NDArray[Any], box_probs: NDArray[Any]) -> NDArray[Any]:
    """Category-conditioned matching similarity of each two images, (N, K, D), (N, K, C + 1) -> (N, N), in [0, 1].

    Each detection is matched with the most similar one of its class in the other image, by ``(1 + cosine) / 2``, or by
    zero if it has none; of an image's detections the mean is taken, by their scores, and of both directions the mean.
    Images without detections are like each other, and like no others.

    >>> box_embeddings = np.array([[[1.0, 0.0]], [[0.0, 1.0]], [[1.0, 0.0]]])
    >>> box_probs = np.array([[[0.5, 0.25, 0.25]], [[0.5, 0.25, 0.25]], [[0.25, 0.5, 0.25]]])
    >>> category_similarity(box_embeddings, box_probs).tolist()
    [[1.0, 0.5, 0.0], [0.5, 1.0, 0.0], [0.0, 0.0, 1.0]]

    Raises:
        InvalidInput: arrays that are not padded detections of the same images.

    Source: Yang, Huang & Crowley, "Plug and play active learning for object detection", CVPR 2024 (CCMS).
    """
    images = Images.of(box_embeddings, box_probs)
    similarity = np.empty((len(images), len(images)), dtype=at_least_single(box_embeddings[:0]).dtype)

    def of_block(rows: slice) -> None:
        regions = images.regions(rows)
        for columns, others in images.tiles():
            similarity[rows, columns] = _similarity(regions, others)

    on_all_cores(of_block, images.blocks())
    return similarity


def ccms(
    box_embeddings: NDArray[Any],
    box_probs: NDArray[Any],
    budget: int,
    center_embeddings: NDArray[Any] | None = None,
    center_probs: NDArray[Any] | None = None,
) -> Positions:
    """Choose the image least similar to all centres, K times, (N, K, D), (N, K, C + 1) -> positions, all distinct.

    Each choice becomes a centre; ties go to the lowest position. Without centres the first choice is the image whose
    detections' scores have the highest sum. No more than one column of the similarities is kept.

    >>> box_embeddings = np.array([[[1.0, 0.0]], [[0.0, 1.0]], [[1.0, 0.0]]])
    >>> box_probs = np.array([[[0.5, 0.25, 0.25]], [[0.5, 0.25, 0.25]], [[0.25, 0.5, 0.25]]])
    >>> ccms(box_embeddings, box_probs, 2).tolist()
    [0, 2]

    Args:
        box_embeddings: (N, K, D).
        box_probs: (N, K, C + 1).
        budget: how many to choose.
        center_embeddings: (M, L, D) of images that are labelled already.
        center_probs: (M, L, C + 1) of the same.

    Raises:
        InvalidInput: arrays that are not padded detections of the same images; centres of other widths; a budget under
            one.
        PoolExhausted: a budget larger than N.

    Source: the similarity of ``category_similarity``, in the greedy choice of ``k_center_greedy``.
    """
    images = Images.of(box_embeddings, box_probs)
    budget = check_budget(budget, available=len(images))
    positions: list[int] = []
    if center_embeddings is not None and center_probs is not None and len(center_probs):
        centers = Images.of(center_embeddings, center_probs)
        if centers.widths != images.widths:
            raise InvalidInput(f"centres have D and C + 1 of {centers.widths}, and the images of {images.widths}")
    else:
        positions.append(int(np.where(images.found, images.scores, 0).sum(axis=1).argmax()))
        centers = images.take(positions)
    nearest = images.nearest(centers)
    nearest[positions] = np.inf
    met = np.full(len(images), len(positions))

    def unlike(listed: Positions) -> NDArray[np.float64]:
        pending = images.take(positions[met[listed].min() :])
        nearest[listed] = np.maximum(nearest[listed], images.take(listed).nearest(pending))
        met[listed] = len(positions)
        return -nearest[listed]

    # Similarity to the nearest centre only grows: an image that was like one is not looked at again.
    lazy_greedy(-nearest, budget - len(positions), gains_of=unlike, choose=positions.append, block=AT_ONCE)
    return np.array(positions, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Regions:
    """The detections of some images in one row: those of image i from ``starts[i]`` to ``starts[i + 1]``.

    Attributes:
        directions: (R, D) embeddings of unit length.
        classes: (R,) class indices.
        weights: (R,) scores, a little more than zero at least.
        starts: (n + 1,) int64.
    """

    directions: NDArray[Any]
    classes: NDArray[np.int64]
    weights: NDArray[Any]
    starts: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Images:
    """Padded detections, checked.

    Attributes:
        embeddings: (N, K, D).
        found: (N, K) where there is a detection.
        classes: (N, K) class indices; of no meaning where there is no detection.
        scores: (N, K), NaN where there is no detection.
        widths: D and C + 1.
    """

    embeddings: NDArray[Any]
    found: NDArray[np.bool_]
    classes: NDArray[np.int64]
    scores: NDArray[Any]
    widths: tuple[int, int]

    @classmethod
    def of(cls, embeddings: NDArray[Any], probs: NDArray[Any]) -> Images:
        """Check the arrays, and say of each detection which class it is of."""
        found = check_detections(box_embeddings=embeddings, box_probs=probs)
        widths = (embeddings.shape[2], probs.shape[2])
        return cls(embeddings, found, probs[..., :-1].argmax(axis=2), probs[..., :-1].max(axis=2), widths)

    def __len__(self) -> int:
        return len(self.found)

    def take(self, rows: Positions | list[int]) -> Images:
        """The images at ``rows``."""
        return Images(self.embeddings[rows], self.found[rows], self.classes[rows], self.scores[rows], self.widths)

    def blocks(self) -> list[slice]:
        """Slices of so many images as make a tile."""
        return row_blocks(len(self), self.found.shape[1], TILE)

    def tiles(self) -> Iterator[tuple[slice, Regions]]:
        """Every block and its regions."""
        for block in self.blocks():
            yield block, self.regions(block)

    def regions(self, rows: slice) -> Regions:
        """The detections of a block."""
        there = self.found[rows]
        starts = np.concatenate([[0], np.cumsum(there.sum(axis=1))])
        directions = unit_length(at_least_single(self.embeddings[rows][there]))
        weights = np.maximum(self.scores[rows][there].astype(directions.dtype), np.finfo(np.float32).tiny)
        return Regions(directions, self.classes[rows][there], weights, starts)

    def nearest(self, centers: Images) -> NDArray[np.float64]:
        """How similar each image is to the most similar of the centres, (N,)."""
        nearest = np.zeros(len(self))

        def of_block(rows: slice) -> None:
            regions = self.regions(rows)
            for _, others in centers.tiles():
                np.maximum(nearest[rows], _similarity(regions, others).max(axis=1), out=nearest[rows])

        on_all_cores(of_block, self.blocks())
        return nearest


def _similarity(left: Regions, right: Regions) -> NDArray[Any]:
    """Of each image on the left and on the right, -> (n, m)."""
    matches = np.clip(left.directions @ right.directions.T, -1, 1)
    matches = np.where(left.classes[:, np.newaxis] == right.classes, (1 + matches) / 2, 0)
    forth = _mean(_best(matches, right.starts), left)
    back = _mean(_best(matches.T, left.starts), right).T
    empty, others_empty = np.diff(left.starts) == 0, np.diff(right.starts) == 0
    return np.where(empty[:, np.newaxis] & others_empty, 1, (forth + back) / 2)


def _best(matches: NDArray[Any], starts: NDArray[np.int64]) -> NDArray[Any]:
    """The best match of each row in each image of the columns, (R, S) -> (R, m); zero in one without detections."""
    some = np.flatnonzero(np.diff(starts))
    best = np.zeros((len(matches), len(starts) - 1), dtype=matches.dtype)
    if len(some):
        best[:, some] = np.maximum.reduceat(matches, starts[some], axis=1)
    return best


def _mean(best: NDArray[Any], regions: Regions) -> NDArray[Any]:
    """The mean over each image's rows, by their weights, (R, m) -> (n, m); zero for one without detections."""
    some = np.flatnonzero(np.diff(regions.starts))
    mean = np.zeros((len(regions.starts) - 1, best.shape[1]), dtype=best.dtype)
    if len(some):
        weights = regions.weights[:, np.newaxis]
        totals = np.add.reduceat(weights, regions.starts[some], axis=0)
        mean[some] = np.add.reduceat(weights * best, regions.starts[some], axis=0) / totals
    return mean
