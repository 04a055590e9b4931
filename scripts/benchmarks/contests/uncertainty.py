"""Uncertainty from logits, against SciPy's softmax of the whole array."""

from __future__ import annotations

from typing import Any

import numpy as np
from contest import Contest
from numpy.typing import NDArray

from alframe.functional import entropy, from_logits


def make(count: int = 100_000, classes: int = 1_000) -> NDArray[np.float32]:
    """Normal logits, as wide as a classifier's are."""
    return 3 * np.random.default_rng(0).standard_normal((count, classes), dtype=np.float32)


def reference(logits: NDArray[np.float32]) -> Any:
    """All probabilities, then all their logarithms."""
    from scipy.special import softmax

    probs = softmax(logits, axis=1)
    return -(probs * np.log(probs)).sum(axis=1)


CONTESTS = [
    Contest(
        name="Entropy of 100,000 x 1,000 logits",
        make=make,
        contenders={"alframe": lambda logits: from_logits(logits, entropy), "reference": reference},
        warm_up=lambda: make(1_000),
        agree=lambda ours, theirs: np.allclose(ours, theirs, atol=1e-4),
        repeats=5,
        targets={
            "at most a quarter of the time": lambda of: of["alframe"].seconds <= of["reference"].seconds / 4,
            "at most a hundredth of the memory": lambda of: of["alframe"].mib <= of["reference"].mib / 100,
        },
    )
]
