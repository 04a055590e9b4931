"""Which labelled samples are held out, where the data itself does not say."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from alframe.errors import DataError
from alframe.types import UNLABELLED


def held_out_mask(labels: NDArray[np.int64], classes: tuple[str, ...], share: float, seed: int) -> NDArray[np.bool_]:
    """Draw ``share`` of the labelled samples of each class, (N,) -> (N,) bool.

    Raises:
        DataError: a share outside (0, 1), a class with a single sample, fewer samples drawn than classes.
    """
    if not 0 < share < 1:
        raise DataError(f"held_out must lie between 0 and 1, got {share}")
    labelled = np.flatnonzero(labels != UNLABELLED)
    counts = np.bincount(labels[labelled], minlength=len(classes))
    single = [name for name, count in zip(classes, counts, strict=True) if count == 1]
    if single:
        raise DataError(
            f"cannot hold out {share:g} of each class: only one sample of {', '.join(single)}; "
            "add samples, remove the class or give a split of your own"
        )
    try:
        _, drawn = train_test_split(labelled, test_size=share, stratify=labels[labelled], random_state=seed)
    except ValueError as error:
        raise DataError(
            f"cannot hold out {share:g} of {len(labelled)} samples in {len(classes)} classes: {error}; "
            "change held_out or give a split of your own"
        ) from error
    mask = np.zeros(len(labels), dtype=np.bool_)
    mask[drawn] = True
    return mask
