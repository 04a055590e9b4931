"""What evaluations of objects have in common: means over what occurs, and the images that went worst."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from alframe.types import Example

WORST = 12


def mean_known(values: NDArray[np.float64]) -> float | None:
    """Mean of the values that are not NaN; ``None`` if all are.

    >>> mean_known(np.array([1.0, np.nan, 0.5])), mean_known(np.array([np.nan]))
    (0.75, None)
    """
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None


def each_known(values: NDArray[np.float64]) -> tuple[float | None, ...]:
    """The values, (n,), with ``None`` for NaN.

    >>> each_known(np.array([1.0, np.nan]))
    (1.0, None)
    """
    return tuple(None if np.isnan(value) else value for value in values.tolist())


def worst(examples: Iterable[Example]) -> list[Example]:
    """Those of the lowest quality, worst first; of equals the first."""
    return sorted(examples, key=lambda example: example.quality)[:WORST]
