"""Random detections as a detector gives them, for tests of what reads them."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from alframe.types import Labels, Object, Objects, label_array

SIDE = 64.0
"""Of the images, in pixels."""

Detections: TypeAlias = dict[str, NDArray[Any]]


def random_detections(
    count: int,
    classes: int,
    seed: int = 0,
    *,
    most: int = 6,
    draws: int = 5,
    width: int = 6,
    found: NDArray[np.int64] | None = None,
    dtype: Any = np.float32,
) -> Detections:
    """Arrays of ``Predictions`` by name, (N, K, ...): from no detection to ``most``, or ``found`` in each image.

    Draws are near the detection, of another class, or do not have it.
    """
    rng = np.random.default_rng(seed)
    if found is None:
        found = rng.integers(0, most + 1, count)
    shape = (count, most)
    corners = np.sort(rng.uniform(0, SIDE, (*shape, 2, 2)), axis=2)
    boxes = corners.reshape(*shape, 4)
    samples = rng.dirichlet(np.full(classes + 1, 0.5), size=(*shape, draws))
    moved = boxes[:, :, np.newaxis] + rng.normal(0, 2, (*shape, draws, 4))
    gone = rng.random((*shape, draws)) < 0.2
    samples[gone], moved[gone] = np.eye(classes + 1)[-1], 0
    probs = samples.mean(axis=2)
    surest = np.argsort(-probs[..., :-1].max(axis=2), axis=1)
    arrays = {
        "boxes": boxes,
        "box_probs": probs,
        "box_samples": samples,
        "box_draws": moved,
        "box_embeddings": rng.normal(size=(*shape, width)),
    }
    padding = np.arange(most) >= found[:, np.newaxis]
    for name, array in arrays.items():
        ordered = np.take_along_axis(array, surest.reshape(*shape, *[1] * (array.ndim - 2)), axis=1).astype(dtype)
        ordered[padding] = np.nan
        arrays[name] = ordered
    return arrays


def random_objects(count: int, classes: int, seed: int = 0) -> Labels:
    """From none to three objects in each image; some are to be ignored."""
    rng = np.random.default_rng(seed)

    def drawn() -> Object:
        (left, top), (right, bottom) = np.sort(rng.uniform(0, SIDE, (2, 2)), axis=0).tolist()
        return Object((left, top, right, bottom), int(rng.integers(classes)), crowd=bool(rng.random() < 0.1))

    return label_array([Objects(tuple(drawn() for _ in range(rng.integers(4)))) for _ in range(count)])
