"""What strategies that score detections share: how an image's score is made of those of its detections."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from alframe.errors import ConfigurationError
from alframe.functional import image_scores
from alframe.functional.detection.aggregation import Aggregation
from alframe.strategy.base import ScoreStrategy
from alframe.types import Floats, Predictions


class BoxScorer(ScoreStrategy):
    """Scores detections, and an image by them.

    Args:
        aggregation: of an image's detections the score that is ``max``, their ``mean``, their ``sum``, or the mean of
            the ``top`` few.
        top_k: how many of the highest count for ``top``.
        empty: the score of an image without detections; 0 asks for such an image where no other is left.
    """

    def __init__(self, *, aggregation: Aggregation = "max", top_k: int = 3, empty: float = 0.0) -> None:
        if aggregation not in ("max", "mean", "sum", "top"):
            raise ConfigurationError(f"aggregation is max, mean, sum or top; got {aggregation}")
        if top_k < 1:
            raise ConfigurationError(f"top_k must be at least 1, got {top_k}")
        self._aggregation, self._top_k, self._empty = aggregation, top_k, finite("empty", empty)

    @abstractmethod
    def box_scores(self, predictions: Predictions) -> Floats:
        """Informativeness of each detection, (N, K), higher is more informative; NaN where there is none."""

    def score(self, predictions: Predictions) -> Floats:
        """The scores of each image's detections as one, (N,)."""
        scores = self.box_scores(predictions)
        return image_scores(scores, self._aggregation, top_k=self._top_k, empty=self._empty)


def finite(name: str, value: float) -> float:
    """``value``, if it is a number.

    Raises:
        ConfigurationError: it is NaN or infinite.
    """
    if not np.isfinite(value):
        raise ConfigurationError(f"{name} must be finite, got {value}")
    return value
