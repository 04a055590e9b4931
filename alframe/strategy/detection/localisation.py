"""Strategies that ask for objects whose place the detector is unsure of, or that look another way in every draw."""

from __future__ import annotations

import numpy as np

from alframe.errors import ConfigurationError
from alframe.functional import box_least_confidence, box_variance, consistency, image_scores, localisation_stability
from alframe.strategy.base import ScoreStrategy, required
from alframe.strategy.detection.base import BoxScorer, finite
from alframe.types import Floats, Predictions


class LocalisationStability(ScoreStrategy):
    """Images whose boxes move most from draw to draw (Kao et al. 2018: LS, and LS+C).

    Args:
        classification: the weight of the least confidence of any detection beside the instability of the boxes: 0 for
            LS, 1 for LS+C.
        empty: the score of an image without detections.
    """

    needs = frozenset({"boxes", "box_probs", "box_draws"})

    def __init__(self, *, classification: float = 0.0, empty: float = 0.0) -> None:
        if not 0 <= classification < np.inf:
            raise ConfigurationError(f"classification must be finite and not negative, got {classification}")
        self._classification, self._empty = classification, finite("empty", empty)

    def score(self, predictions: Predictions) -> Floats:
        """One minus the stability, and the weighted confidence that is lacking, (N,)."""
        boxes, box_probs = required(predictions, "boxes"), required(predictions, "box_probs")
        unstable = 1 - localisation_stability(boxes, box_probs, required(predictions, "box_draws"))
        doubt = image_scores(box_least_confidence(box_probs), "max")
        return np.nan_to_num(unstable + self._classification * doubt, nan=self._empty)


class BoxVariance(BoxScorer):
    """Detections whose edges vary most from draw to draw, by their size (after Choi et al. 2021)."""

    needs = frozenset({"boxes", "box_draws"})

    def box_scores(self, predictions: Predictions) -> Floats:
        """Mean variance of the edges, in units of the box's sides, (N, K)."""
        return box_variance(required(predictions, "boxes"), required(predictions, "box_draws"))


class Consistency(ScoreStrategy):
    """Images of which a detection agrees with its draws about as much as ``beta`` (Yu et al. 2022: CALD).

    Draws are meant to be views: the same image flipped, or with noise. The authors ask for images without detections
    first, which ``empty`` of 2 does.

    Args:
        beta: the agreement that is most informative, in [0, 2].
        empty: the score of an image without detections.
    """

    needs = frozenset({"boxes", "box_probs", "box_samples", "box_draws"})

    def __init__(self, *, beta: float = 1.3, empty: float = 0.0) -> None:
        if not 0 <= beta <= 2:
            raise ConfigurationError(f"beta must lie in [0, 2], got {beta}")
        self._beta, self._empty = beta, finite("empty", empty)

    def score(self, predictions: Predictions) -> Floats:
        """How near agreement comes to ``beta``: from the farthest that there is down to zero, (N,), in [0, 2]."""
        distances = consistency(
            required(predictions, "boxes"),
            required(predictions, "box_probs"),
            required(predictions, "box_samples"),
            required(predictions, "box_draws"),
            self._beta,
        )
        return np.nan_to_num(max(self._beta, 2 - self._beta) - distances, nan=self._empty)
