"""Detections that draws make each for itself, put in line with those that they stand for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alframe.learner.detection.network import Kept, of_class
from alframe.learner.detection.posterior.base import Found

OVERLAP = 0.5
"""Least intersection over union of two boxes that speak of the same object."""


class Seen(NamedTuple):
    """What T draws see in a batch of images, m detections in all.

    Attributes:
        rows: (m,) which image of the batch each is in.
        draws: (m,) which draw sees it.
        probs: (m, C + 1) class distributions, background last.
        boxes: (m, 4) left, top, right and bottom edges.
    """

    rows: Tensor
    draws: Tensor
    probs: Tensor
    boxes: Tensor

    @classmethod
    def of(cls, each: Sequence[tuple[Kept, Tensor]]) -> Seen:
        """What each draw has kept, and where."""
        return cls(
            rows=torch.cat([kept.rows for kept, _ in each]),
            draws=torch.cat([torch.full_like(kept.rows, draw) for draw, (kept, _) in enumerate(each)]),
            probs=torch.cat([kept.probs for kept, _ in each]),
            boxes=torch.cat([boxes for _, boxes in each]),
        )

    def by_image(self) -> Iterator[InImage]:
        """The detections in each image in which somebody sees something."""
        scores, labels = self.probs[:, :-1].max(dim=1)
        rows, *arrays = (values.cpu().numpy() for values in (self.rows, self.boxes, scores, labels, self.draws))
        for row in np.unique(rows):
            positions = np.flatnonzero(rows == row)
            yield InImage(positions, *(values[positions] for values in arrays))


class InImage(NamedTuple):
    """What all draws see in one image.

    Attributes:
        positions: (n,) where each detection is in ``Seen``.
        boxes: (n, 4) left, top, right and bottom edges.
        scores: (n,) probability of each one's class.
        labels: (n,) class indices.
        draws: (n,) which draw sees it.
    """

    positions: NDArray[np.int64]
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    labels: NDArray[np.int64]
    draws: NDArray[np.int64]


def aligned(seen: Seen, standing_for: NDArray[np.int64], images: int, draws: int) -> Found:
    """The detections that others stand for, under each draw.

    Args:
        seen: by all draws.
        standing_for: (m,) position in ``seen`` of the detection that each stands for; its own where it is one itself,
            -1 where it stands for none.
        images: B.
        draws: T.
    """
    stands_for = torch.from_numpy(standing_for).to(seen.rows)
    detected = (stands_for == torch.arange(len(stands_for)).to(stands_for)).nonzero().squeeze(1)
    detected = detected[seen.rows[detected].argsort(stable=True)]
    place = torch.full_like(stands_for, -1)
    place[detected] = torch.arange(len(detected)).to(place)
    standing = stands_for >= 0
    where = place[stands_for[standing]], seen.draws[standing]
    samples = seen.probs.new_zeros(len(detected), draws, seen.probs.shape[1])
    samples[..., -1] = 1
    samples[where] = seen.probs[standing]
    boxes = seen.boxes.new_zeros(len(detected), draws, 4)
    boxes[where] = seen.boxes[standing]
    scores = seen.probs[:, :-1].amax(dim=1)
    missed = scores.new_zeros(images).index_add(0, seen.rows[~standing], scores[~standing]) / draws
    return Found(seen.rows[detected], seen.boxes[detected], samples.mean(dim=1), samples, boxes, missed)


def own_boxes(kept: Kept) -> Tensor:
    """(n, 4) the box of each detection's own class."""
    return of_class(kept.boxes, kept.probs[:, :-1].argmax(dim=1))
