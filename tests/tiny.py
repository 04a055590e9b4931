"""A tiny problem and the parts of a run on it, for tests that need a whole cycle in a second."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sqlalchemy import create_engine

from alframe.calibration import Uncalibrated
from alframe.candidates import WholePool
from alframe.cycle import Plan
from alframe.data import Image, ImageData, Source, Transforms
from alframe.gate import Open
from alframe.learner import Classifier, MCDropout, SmallCNN, quiet_trainer, schedules
from alframe.oracle import Simulated
from alframe.registry import LocalRegistry
from alframe.replay import KeepAll
from alframe.run import Parts
from alframe.scoring import Scoring
from alframe.stopping import Never
from alframe.storage.tables import Base
from alframe.strategy import Entropy, Random
from alframe.training import FromScratch
from alframe.types import SampleTable


class Bars(Source):
    """Noisy 8x8 images with one bright row; which third it lies in is the class. Every fourth sample is held out."""

    name = "bars"
    classes = ("top", "middle", "bottom")
    in_memory = True

    def __init__(self, count: int = 60, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        rows = rng.integers(0, 6, count)
        self.pixels: NDArray[np.uint8] = rng.integers(0, 120, (count, 8, 8, 1), dtype=np.uint8)
        self.pixels[np.arange(count), rows + 1] = 255
        self.table = SampleTable(
            ids=np.array([f"bars/{row:03d}" for row in range(count)]),
            labels=(rows // 2).astype(np.int64),
            held_out=np.arange(count) % 4 == 3,
            groups=np.full(count, ""),
            costs=np.ones(count),
        )

    def read(self, position: int, side: int | None = None) -> Image:  # noqa: ARG002 (in memory)
        image: Image = self.pixels[position]
        return image

    def content_hash(self, position: int) -> str:
        return hashlib.sha256(self.pixels[position].tobytes()).hexdigest()


CONFIG = {"choices": {"data": "bars", "strategy": "entropy"}, "seed": 0, "name": "tiny"}


def transforms() -> Transforms:
    return Transforms(image_size=8, channels=1, mean=[0.3], std=[0.3])


def learner(**changes: Any) -> Any:
    """Builds a small classifier for an image shape and a number of classes."""
    options: dict[str, Any] = {
        "backbone": SmallCNN,
        "posterior": MCDropout(draws=4),
        "optimizer": partial(torch.optim.Adam, lr=3e-3),
        "schedule": schedules.constant,
        "dropout": 0.2,
    }
    return partial(Classifier, **(options | changes))


def parts(**changes: Any) -> Parts:
    """The parts of a run of three rounds."""
    options: dict[str, Any] = {
        "seed": 0,
        "name": "tiny",
        "data": Bars(),
        "transforms": transforms(),
        "loader": partial(ImageData, batch_size=16, evaluation_batch_size=16, workers=0),
        "learner": learner(),
        "cold_start": Random(),
        "strategy": Entropy(),
        "oracle": Simulated,
        "replay": KeepAll(),
        "training": FromScratch(epochs=2, epoch_size=32),
        "calibration": Uncalibrated(),
        "trainer": partial(quiet_trainer, accelerator="cpu"),
        "stopping": Never(),
        "candidates": WholePool(),
        "scoring": Scoring(),
        "gate": Open(),
        "registry": LocalRegistry,
        "cycle": Plan(initial=6, batch=4, rounds=2),
    }
    return Parts(**(options | changes))


def memory_engine() -> Any:
    """An empty database in memory."""
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    return engine
