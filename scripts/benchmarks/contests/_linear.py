"""What contests before one linear layer share: their data, and how scikit-activeml is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Data:
    """A pool and M labelled samples before one linear layer, and how many are to be chosen."""

    embeddings: NDArray[np.float32]
    probs: NDArray[np.float32]
    head: NDArray[np.float32]
    centers: NDArray[np.float32]
    center_probs: NDArray[np.float32]
    budget: int


def make(count: int, width: int, classes: int, labelled: int, budget: int) -> Data:
    """A mixture of Gaussians, one for each class and one between each two of the first."""
    rng = np.random.default_rng(0)
    means = rng.normal(size=(2 * classes, width))
    means[classes:] = (means[:classes] + np.roll(means[:classes], 1, axis=0)) / 2
    points = means[rng.integers(2 * classes, size=count + labelled)] + 0.5 * rng.normal(size=(count + labelled, width))
    head = np.column_stack([means[:classes], -(means[:classes] ** 2).sum(axis=1) / 2]) * (8 / width)
    logits = points @ head[:, :-1].T + head[:, -1]
    probs = np.exp(logits - logits.max(axis=1, keepdims=True))
    probs /= probs.sum(axis=1, keepdims=True)
    pool, known = slice(labelled, None), slice(labelled)
    arrays = (points[pool], probs[pool], head, points[known], probs[known])
    return Data(*(array.astype(np.float32) for array in arrays), budget)


def rng() -> np.random.Generator:
    """The same for every contender."""
    return np.random.default_rng(0)


def best(scores: NDArray[Any], budget: int) -> NDArray[np.int64]:
    """The highest scores, highest first."""
    return np.argsort(-scores, kind="stable")[:budget]


def log(probs: NDArray[Any]) -> NDArray[np.float64]:
    """Logarithms in double precision, of zero that of the smallest float."""
    return np.log(np.maximum(probs.astype(np.float64), np.finfo(np.float64).tiny))


def look_up(data: Data) -> Any:
    """A classifier for scikit-activeml that knows the probabilities already."""
    from skactiveml.base import SkactivemlClassifier

    class LookUp(SkactivemlClassifier):
        def fit(self, _points: Any, _labels: Any) -> LookUp:
            return self

        def predict_proba(self, asked: Any) -> Any:
            return (data.probs if len(asked) == len(data.probs) else data.center_probs).astype(np.float64)

    return LookUp(classes=list(range(data.probs.shape[1])))


def skactiveml(strategy: Any, data: Data, **arguments: Any) -> Any:
    """What a strategy of scikit-activeml asks for, the pool first and the labelled after it."""
    labels = np.r_[np.full(len(data.probs), np.nan), np.zeros(len(data.centers))]
    points = np.vstack([data.embeddings, data.centers])
    return strategy.query(points, labels, batch_size=data.budget, **arguments)
