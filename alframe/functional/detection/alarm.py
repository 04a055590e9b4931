"""From the scores of whole images to the defective parts that an inspection finds."""

from __future__ import annotations

from math import floor

import numpy as np
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.types import Floats


def found_at_false_alarms(scores: Floats, defective: NDArray[np.bool_], false_alarms: float) -> tuple[float, float]:
    """The share of defective images that are reported, in [0, 1], and the score that an image must exceed for it.

    That score is the lowest at which no more than the share ``false_alarms`` of the other images are reported.

    Args:
        scores: (N,) score of each image, from 0 up; 0 is never reported.
        defective: (N,) whether something is to be found there; both kinds have to occur.
        false_alarms: in [0, 1).

    Raises:
        InvalidInput: one kind of image is missing; scores that are negative or no numbers; a share outside [0, 1).

    Examples:
        >>> scores = np.array([0.875, 0.5, 0.0, 0.75, 0.25, 0.0])
        >>> defective = np.array([True, True, True, False, False, False])
        >>> found_at_false_alarms(scores, defective, false_alarms=0.4)
        (0.6666666666666666, 0.25)
    """
    if not 0 <= false_alarms < 1:
        raise InvalidInput(f"false_alarms must lie in [0, 1), got {false_alarms}")
    if scores.shape != defective.shape or not (scores >= 0).all():
        raise InvalidInput(f"give one score from 0 up for each of {len(defective)} images, got {scores}")
    if defective.all() or not defective.any():
        raise InvalidInput(f"{defective.sum()} of {len(defective)} images are defective: both kinds have to occur")
    sound = np.sort(scores[~defective])[::-1]
    allowed = floor(false_alarms * len(sound) + 1e-9)  # 0.29 * 100 is less than 29
    exceeded = float(sound[allowed])
    return float((scores[defective] > exceeded).mean()), exceeded
