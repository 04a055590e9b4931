"""Images that carry their number, and a learner that says of each what it was told: evaluations without training."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from alframe.data import Batch, Image, ImageData, Source, Transforms
from alframe.errors import UnreadableImage
from alframe.learner import Learner
from alframe.learner.schedules import constant
from alframe.types import Labels, Need, SampleTable, Task


class Numbered(Source):
    """Images of 16 x 24 pixels, each of one grey: its number.

    Args:
        labels: what people say of each image.
        classes: names.
        groups: the slice of each image; none if left out.
        broken: numbers of images that cannot be read.
    """

    name = "numbered"
    has_masks = True
    size = (16, 24)

    def __init__(
        self,
        labels: Labels,
        classes: Sequence[str] = ("pit", "scratch"),
        groups: Sequence[str] | None = None,
        broken: Collection[int] = (),
    ) -> None:
        count = len(labels)
        self.classes = tuple(classes)
        self.broken = broken
        self.table = SampleTable(
            ids=np.array([f"numbered/{row:03d}" for row in range(count)]),
            labels=labels,
            held_out=np.ones(count, dtype=np.bool_),
            groups=np.array(groups if groups is not None else [""] * count, dtype=np.str_),
            costs=np.ones(count),
        )

    def read(self, position: int, side: int | None = None) -> Image:  # noqa: ARG002 (in memory)
        if position in self.broken:
            raise UnreadableImage("truncated")
        return np.full((*self.size, 1), position, dtype=np.uint8)

    def content_hash(self, position: int) -> str:
        return hashlib.sha256(bytes([position])).hexdigest()


def data(source: Source, side: int = 8) -> ImageData:
    """Batches of three, not normalised."""
    transforms = Transforms(image_size=side, channels=1, mean=[0.0], std=[1.0])
    return ImageData(source, transforms, batch_size=3, evaluation_batch_size=3, workers=0)


class Told(Learner):
    """Says what ``answers`` hold for the number that an image carries; it can be trained, and learns nothing.

    Args:
        answers: by need, a row for each image.
    """

    def __init__(self, answers: Mapping[Need, Any]) -> None:
        super().__init__(optimizer=partial(torch.optim.SGD, lr=0.1), schedule=constant)
        self.answers = {need: torch.as_tensor(rows) for need, rows in answers.items()}
        self.bias = nn.Parameter(torch.zeros(()))

    @property
    def gives(self) -> frozenset[Need]:
        return frozenset(self.answers)

    def draws(self, generator: torch.Generator) -> None:
        """None: it has no doubts."""

    def outputs(self, images: Tensor, draws: Any, needs: Collection[Need]) -> dict[Need, Tensor]:  # noqa: ARG002
        numbers = (images.mean(dim=(1, 2, 3)) * 255).round().long()
        return {need: self.answers[need][numbers] for need in needs}

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:  # noqa: ARG002 (Lightning's signature)
        self.log_loss("train_loss", self.bias.square(), batch)
        return self.bias.square()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:  # noqa: ARG002
        self.log_loss("val_loss", self.bias.square(), batch)


class ToldDetector(Told):
    task: ClassVar[Task] = "detection"
    shows = frozenset({"boxes", "box_probs"})


class ToldSegmenter(Told):
    task: ClassVar[Task] = "segmentation"
    shows = frozenset({"class_map"})
