"""Images and the objects in them to tensors, moved together."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alframe.data.source import Image
from alframe.data.transforms.pipeline import Pipeline, normalise, recolour
from alframe.data.transforms.steps import A
from alframe.errors import ConfigurationError
from alframe.functional.regions import class_map
from alframe.types import Labels, Objects

LEAST_VISIBLE = 0.1
"""An object of which a random crop leaves less than this share of its box is as good as gone."""


class Target(NamedTuple):
    """What is known of one image, in the pixels of its tensor.

    Attributes:
        boxes: (n, 4) float32 left, top, right and bottom edges.
        labels: (n,) int64 class indices.
        ignored: (n,) bool, whether the object is to be passed over.
        classes: (S, S) uint8, the class of each pixel: 0 for background, c + 1 for class c, ``IGNORED`` for those to be
            passed over; (0, 0) where no object has a mask, and none is known to be absent.
    """

    boxes: Tensor
    labels: Tensor
    ignored: Tensor
    classes: Tensor


@dataclass(frozen=True, eq=False)
class ObjectPipeline:
    """``Pipeline`` for images with objects: boxes and masks go through the same steps as their image.

    Attributes:
        plain: the steps and the fixed ending.
        with_masks: whether targets have the classes of pixels.
    """

    plain: Pipeline
    with_masks: bool
    _compose: A.Compose = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Put the steps together, so that what moves an image moves its objects."""
        boxes = A.BboxParams(
            "pascal_voc", label_fields=["rows"], clip=True, filter_invalid_bboxes=True, min_visibility=LEAST_VISIBLE
        )
        object.__setattr__(self, "_compose", A.Compose([*self.plain.steps, self.plain.resize], bbox_params=boxes))

    @property
    def side(self) -> None:
        """Images are needed whole: objects are in their pixels."""

    def batch(self, images: Sequence[Image], labels: Labels, seed: int) -> tuple[Tensor, list[Target]]:
        """Transform images and their objects to (B, channels, size, size) float32 and a target each.

        Args:
            images: any number of (H, W, 1 or 3) uint8; may differ in size.
            labels: (B,) what is known of each; nothing of it if ``None``, which is a target without objects.
            seed: of the random steps.

        Raises:
            ConfigurationError: a step cannot be applied to an image or its objects.
        """
        # Both generators are shared by the steps, so that one step's draws say nothing of another's.
        self._compose.set_random_state(np.random.default_rng(seed), random.Random(seed))  # noqa: S311 (no secret is made)
        size = (self.plain.resize.height, self.plain.resize.width)
        pixels = np.empty((len(images), *size, self.plain.channels), dtype=np.uint8)
        targets = []
        for row, (image, objects) in enumerate(zip(images, labels, strict=True)):
            pixels[row], target = self._apply(recolour(image, self.plain.channels), objects)
            targets.append(target)
        return normalise(pixels, self.plain.mean, self.plain.std), targets

    def _apply(self, image: Image, objects: Objects | None) -> tuple[Image, Target]:
        known = objects or Objects()
        height, width = image.shape[:2]
        masks = self.with_masks and objects is not None
        extra = {"mask": class_map(known, height, width)} if masks else {}
        try:
            moved = self._compose(image=image, bboxes=known.boxes, rows=np.arange(len(known)), **extra)
        except Exception as error:  # each transform has its own ways to refuse
            raise ConfigurationError(
                f"transforms: the steps cannot be applied to an image of shape {image.shape} with {len(known)} "
                f"objects: {error}; steps for detection and segmentation must be able to move boxes and masks"
            ) from error
        rows: NDArray[np.int64] = np.asarray(moved["rows"], dtype=np.int64)
        target = Target(
            boxes=torch.from_numpy(np.asarray(moved["bboxes"], dtype=np.float32).reshape(-1, 4)),
            labels=torch.from_numpy(known.labels[rows]),
            ignored=torch.from_numpy(known.ignored[rows]),
            classes=torch.from_numpy(moved["mask"] if masks else np.zeros((0, 0), dtype=np.uint8)),
        )
        return moved["image"], target
