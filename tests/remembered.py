"""Old samples as a learner of each task sees them, with everything that replay buffers read."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
from detections import random_detections, random_objects

from alframe.functional.regions import encode_region
from alframe.types import Object, Objects, Predictions, Task, label_array

TASKS: tuple[Task, ...] = get_args(Task)
WIDTH = 5


def remembered(task: Task, count: int = 40, classes: int = 4, seed: int = 0) -> Predictions:
    """``count`` random samples, read-only."""
    rng = np.random.default_rng(seed)
    arrays: dict[str, Any] = {"embeddings": rng.normal(size=(count, WIDTH)).astype(np.float32)}
    match task:
        case "classification":
            arrays["probs"] = rng.dirichlet(np.ones(classes), size=count).astype(np.float32)
            arrays["labels"] = rng.integers(0, classes, count)
        case "detection":
            found = random_detections(count, classes, seed)
            arrays |= {name: found[name] for name in ("boxes", "box_probs")}
            arrays["objects"] = random_objects(count, classes, seed + 1)
        case "segmentation":
            arrays["pixel_classes"] = rng.integers(0, classes + 1, (count, 4, 4), dtype=np.uint8)
            arrays["pixel_entropy"] = rng.uniform(0, 1, (count, 4, 4)).astype(np.float32)
            arrays["sizes"] = np.full((count, 2), 8)
            arrays["objects"] = label_array([_masked(rng, classes) for _ in range(count)])
    for array in arrays.values():
        array.flags.writeable = False
    return Predictions(np.array([f"{seed}/{row:03}" for row in range(count)]), **arrays)


def _masked(rng: np.random.Generator, classes: int) -> Objects:
    """From none to two objects of an image of 8 x 8 pixels, each some of its columns."""

    def drawn() -> Object:
        left, right = sorted(rng.choice(9, 2, replace=False).tolist())
        pixels = np.zeros((8, 8), dtype=np.bool_)
        pixels[:, left:right] = True
        return Object((left, 0, right, 8), int(rng.integers(classes)), encode_region(pixels))

    return Objects(tuple(drawn() for _ in range(rng.integers(3))))
