"""What a detector is unsure of about a detection's class, background among the classes; higher is more uncertain."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.functional.committee import bald
from alframe.functional.detection.padding import check_detections, per_detection
from alframe.functional.uncertainty import entropy, least_confidence, margin


def box_least_confidence(box_probs: NDArray[Any]) -> NDArray[np.float64]:
    """One minus the probability of a detection's most probable class, (N, K, C + 1) -> (N, K), NaN where none is.

    >>> box_least_confidence(np.array([[[0.75, 0.25], [np.nan, np.nan]]]))
    array([[0.25,  nan]])

    Raises:
        InvalidInput: ``box_probs`` are not padded probabilities.

    Source: Brust, Käding & Denzler, "Active learning for deep object detection", VISAPP 2019.
    """
    return per_detection(least_confidence, check_detections(box_probs=box_probs), box_probs)


def box_margin(box_probs: NDArray[Any]) -> NDArray[np.float64]:
    """One minus the lead of a detection's most probable class, (N, K, C + 1) -> (N, K), NaN where there is none.

    >>> box_margin(np.array([[[0.75, 0.25], [np.nan, np.nan]]]))
    array([[0.5, nan]])

    Raises:
        InvalidInput: ``box_probs`` are not padded probabilities.

    Source: Brust, Käding & Denzler, "Active learning for deep object detection", VISAPP 2019 (1-vs-2).
    """
    return per_detection(margin, check_detections(box_probs=box_probs), box_probs)


def box_entropy(box_probs: NDArray[Any]) -> NDArray[np.float64]:
    """Entropy (nats) of a detection's class, (N, K, C + 1) -> (N, K), NaN where there is none.

    >>> box_entropy(np.array([[[0.5, 0.5], [np.nan, np.nan]]])).round(4)
    array([[0.6931,    nan]])

    Raises:
        InvalidInput: ``box_probs`` are not padded probabilities.

    Source: Roy, Unmesh & Namboodiri, "Deep active learning for object detection", BMVC 2018.
    """
    return per_detection(entropy, check_detections(box_probs=box_probs), box_probs)


def box_bald(box_samples: NDArray[Any]) -> NDArray[np.float64]:
    """Mutual information (nats) of a detection's class and the draw, (N, K, T, C + 1) -> (N, K), NaN where none is.

    A draw that does not have the detection is sure of the background, and so disagrees with those that do.

    >>> box_bald(np.array([[[[1.0, 0.0], [0.0, 1.0]], [[0.5, 0.5], [0.5, 0.5]]]])).round(4).tolist()
    [[0.6931, 0.0]]

    Raises:
        InvalidInput: ``box_samples`` are not padded probabilities.

    Source: Haussmann et al., "Scalable active learning for object detection", IV 2020; Gal, Islam & Ghahramani, "Deep
    Bayesian active learning with image data", ICML 2017.
    """
    return per_detection(bald, check_detections(box_samples=box_samples), box_samples)
