"""Simulated annotators."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def team(rng: np.random.Generator, items: int = 2000, classes: int = 10) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """True classes, and votes of two good annotators, one mediocre, one random and one constant, (N,), (N, 5).

    The good ones are right 95 times in 100, and wrong anyhow; the mediocre one is right 75 times, and otherwise takes
    a class for the next.
    """
    truth = rng.integers(0, classes, items)
    good = [
        np.where(rng.random(items) < 0.95, truth, (truth + rng.integers(1, classes, items)) % classes) for _ in "12"
    ]
    mediocre = np.where(rng.random(items) < 0.75, truth, (truth + 1) % classes)
    votes = np.stack([*good, mediocre, rng.integers(0, classes, items), np.full(items, 3 % classes)], axis=1)
    return truth, votes
