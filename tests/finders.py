"""Tiny detectors, and one of them trained to find bright squares, for the tests of detectors and their posteriors."""

from __future__ import annotations

from copy import copy
from functools import cache, partial
from typing import Any

import numpy as np
import squares
import torch
from torch import Tensor

from alframe.data import Batch, ImageData
from alframe.data.transforms import Target
from alframe.learner import Detector, quiet_trainer, schedules
from alframe.learner.detection import FCOS, DetectionPosterior, FasterRCNN, MCDropout, RetinaNet, SSDLite
from alframe.training import FromScratch
from alframe.types import Need, TrainingSet

SIDE = 32
ARCHITECTURES: dict[str, Any] = {
    "faster_rcnn": partial(
        FasterRCNN,
        strides=(4, 8),
        anchor_sizes=(8, 16),
        width=32,
        hidden=32,
        proposals=20,
        sampled_anchors=32,
        sampled_proposals=16,
    ),
    "retinanet": partial(RetinaNet, strides=(4, 8), anchor_sizes=(8, 16), width=32),
    "fcos": partial(FCOS, strides=(4, 8), width=32),
    "ssdlite": partial(SSDLite, strides=(4, 8), anchor_sizes=(8, 16), width=32),
}
ALL: set[Need] = {"boxes", "box_probs", "box_samples", "box_draws", "box_embeddings", "missed", "embeddings"}
IMAGES = torch.randn(5, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


def make(architecture: str = "faster_rcnn", classes: int = 2, **changes: Any) -> Detector:
    """An untrained detector that takes nearly everything for something; an ensemble's members are nearly the same."""
    torch.manual_seed(0)
    detector = build(architecture, classes, **changes).eval()
    first, *others = detector.networks
    for other in others:
        other.load_state_dict(first.state_dict())
        with torch.no_grad():
            for weights in other.parameters():
                weights.mul_(1 + 1e-3 * torch.randn_like(weights))
    return detector


def build(architecture: str, classes: int, **changes: Any) -> Detector:
    """A new detector."""
    options: dict[str, Any] = {
        "architecture": ARCHITECTURES[architecture],
        "posterior": MCDropout(4),
        "optimizer": partial(torch.optim.Adam, lr=3e-3),
        "schedule": schedules.constant,
        "dropout": 0.3,
        "max_detections": 6,
        "score_threshold": 0.001,
    }
    return Detector((1, SIDE, SIDE), classes, **(options | changes))


def outputs(detector: Detector, images: Tensor = IMAGES, needs: set[Need] = ALL, seed: int = 0) -> dict[Need, Tensor]:
    """Of one batch."""
    with torch.inference_mode():
        return detector.outputs(images, detector.draws(torch.Generator().manual_seed(seed)), needs)


def target(boxes: list[list[float]], labels: list[int], ignored: list[bool] | None = None) -> Target:
    """What is known of an image."""
    return Target(
        torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        torch.tensor(labels, dtype=torch.int64),
        torch.tensor(ignored or [False] * len(labels), dtype=torch.bool),
        torch.zeros(0, 0, dtype=torch.uint8),
    )


def data(source: squares.Squares) -> ImageData:
    """Batches of squares."""
    return ImageData(source, squares.transforms(SIDE), batch_size=8, evaluation_batch_size=16, workers=0)


@cache
def trained(architecture: str = "faster_rcnn", *, one_class: bool = False, epochs: int = 12) -> Detector:
    """A detector that has learnt to find squares; not to be changed."""
    source = squares.Squares(96, SIDE, one_class=one_class)
    rows = np.flatnonzero(~source.table.held_out)
    detector = FromScratch(epochs=epochs, epoch_size=0).fit(
        partial(build, architecture, 1 if one_class else 2, dropout=0.1, score_threshold=0.05),
        data(source),
        TrainingSet(rows, source.table.labels[rows]),
        partial(quiet_trainer, accelerator="cpu"),
        validation=rows[:8],
        seed=0,
    )
    return detector.eval()


def under(detector: Detector, posterior: DetectionPosterior) -> Detector:
    """The same networks under another posterior."""
    other = copy(detector)
    other.posterior = posterior
    return other


def held_out(one_class: bool = False) -> Batch:
    """Squares that ``trained`` has not seen."""
    source = squares.Squares(96, SIDE, one_class=one_class)
    read = data(source)
    read.predict_on(np.flatnonzero(source.table.held_out))
    first, *_ = read.predict_dataloader()
    batch: Batch = first
    labels = source.table.labels[batch.positions.numpy()]
    return batch._replace(labels=labels)
