"""What can be said of a sample from its own draws alone, so that the draws themselves need not be kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.functional.committee.disagreement import (
    bald,
    consensus_kl,
    mean_std,
    predictive_entropy,
    variation_ratio,
    vote_entropy,
)

REDUCTIONS: Mapping[str, Callable[[NDArray[Any]], NDArray[np.float64]]] = MappingProxyType(
    {
        function.__name__: function
        for function in (bald, consensus_kl, mean_std, predictive_entropy, variation_ratio, vote_entropy)
    }
)
"""Functions of draws, (N, T, C) -> (N,), by the name under which a strategy needs them."""
