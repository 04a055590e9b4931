"""What people drew, as far as it counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.types import Objects


def known_labels(objects: Objects, classes: int) -> NDArray[np.int64]:
    """The classes of the objects of one image that count, -> (n,), if the learner knows them.

    >>> known_labels(Objects(), classes=3).tolist()
    []

    Raises:
        InvalidInput: a class that there is not.
    """
    labels = objects.labels[~objects.ignored]
    if len(labels) and not 0 <= labels.min() <= labels.max() < classes:
        raise InvalidInput(f"objects are of classes {labels.min()} to {labels.max()}, and there are {classes} classes")
    return labels
