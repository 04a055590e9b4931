"""Classes that are certain, whatever votes say of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional.checks import check_classes
from alframe.types import UNLABELLED


def check_known(known: NDArray[Any] | None, num_classes: int, count: int) -> NDArray[np.int64]:
    """Return ``known``, (N,), all ``UNLABELLED`` by default, if it is a class or ``UNLABELLED`` for each sample.

    >>> check_known(None, num_classes=2, count=3).tolist()
    [-1, -1, -1]

    Raises:
        InvalidInput: no classes, another number of them.
    """
    if known is None:
        return np.full(count, UNLABELLED)
    known = check_classes(known, num_classes, "known")
    if len(known) != count:
        raise InvalidInput(f"known has {len(known)} classes for {count} samples; give {UNLABELLED} where none is known")
    return known


def settle(shares: NDArray[np.float64], known: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The label of each sample and its confidence, (N, C) -> (N,), (N,); a row of zeros says nothing.

    >>> labels, confidence = settle(np.array([[0.25, 0.75], [0.0, 0.0], [1.0, 0.0]]), np.array([-1, -1, 1]))
    >>> labels.tolist(), confidence.tolist()
    ([1, -1, 1], [0.75, 0.0, 1.0])
    """
    labels = np.where(shares.any(axis=1), shares.argmax(axis=1), UNLABELLED)
    certain = known != UNLABELLED
    return np.where(certain, known, labels), np.where(certain, 1.0, shares.max(axis=1))
