"""Simulated annotators who make mistakes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from alframe.data import Source
from alframe.errors import ConfigurationError
from alframe.functional.randomness import generator
from alframe.oracle.simulated import Simulated
from alframe.types import Annotation, Query

Noise = float | Sequence[Sequence[float]]
"""An error rate (a wrong class is drawn uniformly) or a (C, C) confusion matrix: row, true class; column, answer."""


class Noisy(Simulated):
    """Each sample goes to one of several annotators, drawn at random, who errs at a rate of their own.

    Args:
        source: knows the true labels.
        annotators: for each name an error rate in [0, 1], or a (C, C) confusion matrix with rows that sum to one.
        seed: of the assignment and of the mistakes; a sample gets the same answer however often it is asked.
    """

    def __init__(self, source: Source, annotators: Mapping[str, Noise], seed: int) -> None:
        super().__init__(source)
        if source.table.has_objects:
            raise ConfigurationError(
                "noisy annotators mistake classes, and these labels are objects: use oracle=simulated"
            )
        if not annotators:
            raise ConfigurationError("a noisy oracle needs at least one annotator: add +oracle.annotators.NAME=RATE")
        num_classes = len(source.classes)
        self._confusion = {name: confusion_matrix(name, noise, num_classes) for name, noise in annotators.items()}
        self._seed = seed

    def _answer(self, sample_id: str, query: Query) -> Annotation:
        honest = super()._answer(sample_id, query)
        if not isinstance(honest.label, int):
            return honest
        rng = generator(self._seed, "oracle", sample_id)
        annotator = str(rng.choice(list(self._confusion)))
        confusion = self._confusion[annotator]
        answer = int(rng.choice(len(confusion), p=confusion[honest.label]))
        return self._annotation(sample_id, query, annotator, answer)


def confusion_matrix(annotator: str, noise: Noise, num_classes: int) -> NDArray[np.float64]:
    """The (C, C) confusion matrix that ``noise`` stands for.

    Raises:
        ConfigurationError: a rate outside [0, 1], a matrix of another shape, rows that are no distributions.
    """
    if isinstance(noise, int | float):
        if not 0 <= noise <= 1 or (noise > 0 and num_classes < 2):
            raise ConfigurationError(f"the error rate of annotator {annotator!r} must lie in [0, 1], got {noise}")
        wrong = noise / max(num_classes - 1, 1)
        return np.full((num_classes, num_classes), wrong) + (1 - noise - wrong) * np.eye(num_classes)
    matrix = np.array(noise, dtype=np.float64)
    if matrix.shape != (num_classes, num_classes):
        raise ConfigurationError(
            f"the confusion matrix of annotator {annotator!r} must be {num_classes} x {num_classes}, got {matrix.shape}"
        )
    if (matrix < 0).any() or not np.allclose(matrix.sum(axis=1), 1):
        raise ConfigurationError(f"each row of the confusion matrix of annotator {annotator!r} must sum to one")
    matrix /= matrix.sum(axis=1, keepdims=True)
    return matrix
