"""What arrays are called."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Ids: TypeAlias = NDArray[np.str_]
Positions: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.floating[Any]]
Labels: TypeAlias = NDArray[Any]
"""(N,) int64 class indices, or (N,) ``Objects``: what is known of each of N images."""

UNLABELLED = -1
"""The class of a sample that nobody knows."""
