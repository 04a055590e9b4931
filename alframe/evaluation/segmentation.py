"""A segmenter on held-out images."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pytorch_lightning import Trainer

from alframe.data import ImageData
from alframe.errors import DataError
from alframe.evaluation.summary import WORST, each_known, mean_known, worst
from alframe.functional import pixel_confusion, pixel_dice, pixel_iou, segmented, stretched
from alframe.functional.regions import class_map, decode_region
from alframe.learner import Learner
from alframe.scoring import Pass, stream
from alframe.types import Example, Objects, Positions, Predictions, SampleTable, Segmentation

SIZES = {"small": 32**2, "medium": 96**2, "large": math.inf}
"""The most pixels that an object of each size has, as in COCO."""


def evaluate_segmenter(
    learner: Learner,
    data: ImageData,
    positions: Positions,
    make_trainer: Callable[..., Trainer],
    *,
    seed: int,
) -> Segmentation:
    """Score a learner's class of each pixel, of the image at its full size, against the source's masks.

    Args:
        learner: predicts ``class_map``.
        data: reads the images.
        positions: the held-out samples.
        make_trainer: builds a Trainer.
        seed: of the posterior's draws.

    Raises:
        DataError: no held-out sample can be read, or every pixel is to be ignored.
    """
    tally = _Tally(data.source.table, positions, data.num_classes)
    stream(Pass(learner, data, positions, {"class_map"}, make_trainer, seed), tally.add, "evaluate")
    if tally.confusion.sum() == 0:
        raise DataError(
            f"none of the {len(positions)} held-out samples can be scored: a run needs test images in which not "
            "everything is to be ignored"
        )
    return tally.result()


class _Tally:
    """What has been counted so far; it does not grow with the number of images.

    Args:
        table: knows the true objects.
        positions: the samples that will be counted.
        num_classes: C.
    """

    def __init__(self, table: SampleTable, positions: Positions, num_classes: int) -> None:
        self.confusion = np.zeros((num_classes + 1, num_classes + 1), dtype=np.int64)
        self._by_group: dict[str, NDArray[np.int64]] = defaultdict(lambda: np.zeros_like(self.confusion))
        self._by_size: dict[str, NDArray[np.int64]] = {size: np.zeros(2, dtype=np.int64) for size in SIZES}
        self._worst: list[Example] = []
        self._scored = 0
        self._table = table
        self._rows: dict[str, int] = dict(zip(table.ids[positions].tolist(), positions.tolist(), strict=True))

    def add(self, batch: Predictions, _unreadable: Mapping[int, str]) -> None:
        """Count the pixels of a batch."""
        if len(batch) == 0 or batch.class_map is None or batch.sizes is None:
            return
        for sample_id, predicted, size in zip(batch.ids.tolist(), batch.class_map, batch.sizes.tolist(), strict=True):
            row, found = self._rows[sample_id], stretched(predicted, *size)
            objects: Objects = self._table.labels[row]
            truth = class_map(objects, *size)
            confusion = pixel_confusion(truth, found, len(self.confusion) - 1)
            self.confusion += confusion
            self._by_group[str(self._table.groups[row])] += confusion
            self._count_by_size(objects, truth, found)
            self._show_if_bad(sample_id, mean_known(pixel_iou(confusion)), found)
            self._scored += 1

    def _count_by_size(self, objects: Objects, truth: NDArray[np.uint8], found: NDArray[np.uint8]) -> None:
        """Of each object, the pixels that get its class and all that it has; others may lie on top of it."""
        for each in objects:
            if each.mask is None or each.ignored:
                continue
            region = decode_region(each.mask, *truth.shape)
            size = next(size for size, most in SIZES.items() if region.sum() <= most)
            seen = found[region & (truth == each.label + 1)] == each.label + 1
            self._by_size[size] += seen.sum(), seen.size

    def _show_if_bad(self, sample_id: str, quality: float | None, found: NDArray[np.uint8]) -> None:
        """Keep an image that is among the worst so far, and only of those make objects."""
        quality = 1.0 if quality is None else quality
        if len(self._worst) < WORST or quality < self._worst[-1].quality:
            self._worst = worst([*self._worst, Example(sample_id, quality, segmented(found, *found.shape))])

    def result(self) -> Segmentation:
        """What the counts say; they are not all 0."""
        iou, dice = of_true_classes(pixel_iou, self.confusion), of_true_classes(pixel_dice, self.confusion)
        slices = {name: mean_known(of_true_classes(pixel_iou, each)) for name, each in self._by_group.items() if name}
        return Segmentation(
            samples=self._scored,
            unreadable=len(self._rows) - self._scored,
            mean_iou=float(np.nanmean(iou)),
            mean_dice=float(np.nanmean(dice)),
            pixel_accuracy=float(np.trace(self.confusion) / self.confusion.sum()),
            class_iou=each_known(iou),
            class_dice=each_known(dice),
            confusion=tuple(tuple(row) for row in self.confusion.tolist()),
            found_by_size={size: _share(*counts.tolist()) for size, counts in self._by_size.items()},
            slices=dict(sorted(slices.items())),
            worst=tuple(self._worst),
        )


def of_true_classes(
    measure: Callable[[NDArray[Any]], NDArray[np.float64]], confusion: NDArray[Any]
) -> NDArray[np.float64]:
    """By class, (..., C, C) -> (..., C); NaN for one that no image has."""
    return np.where(confusion.sum(axis=-1) > 0, measure(confusion), np.nan)


def _share(some: int, of: int) -> float | None:
    return some / of if of else None
