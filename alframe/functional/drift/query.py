"""A batch from what has drifted."""

from __future__ import annotations

from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional.checks import check_budget, check_points
from alframe.functional.drift.classifier import drift_scores
from alframe.functional.ranking import highest
from alframe.functional.seeding import k_means_plus_plus
from alframe.types import Positions


def drifted(
    points: NDArray[Any],
    budget: int,
    reference: NDArray[Any] | None = None,
    *,
    factor: float = 5.0,
    rng: np.random.Generator,
) -> Positions:
    """Choose what is unlike the reference, spread over all that is, (N, D), (M, D) -> positions (K,), all distinct.

    Those with the highest ``drift_scores`` make a shortlist, at most ``factor`` times as long as the batch and none
    that are as frequent in the reference, unless there are too few others; k-means++ draws from it. The discriminative
    choice takes the extremes of what it can tell apart; this one stands for the whole of it. Without a reference
    (``None``, or M = 0) it draws from all points.

    >>> points = np.array([[0.0], [20.0], [1.0], [20.1], [50.0], [0.5]])
    >>> rng, reference = np.random.default_rng(0), np.linspace(0.0, 2.0, 20)[:, np.newaxis]
    >>> sorted(drifted(points, 2, reference, rng=rng).tolist())
    [1, 4]

    Raises:
        InvalidInput: an array of another shape or with NaN; a budget under one; a factor under one.
        PoolExhausted: a budget larger than N.

    Source: of the scores, Bickel, Brueckner & Scheffer, "Discriminative learning under covariate shift", JMLR 10, 2009,
    who weigh training samples by such odds; of the draws, Arthur & Vassilvitskii, "k-means++", SODA 2007.
    """
    points = check_points(points)
    budget = check_budget(budget, available=len(points))
    if not 1 <= factor < np.inf:
        raise InvalidInput(f"factor must be finite and at least 1, got {factor}")
    shortlist: Positions = np.arange(len(points))
    if reference is not None and len(check_points(reference, "reference", width=points.shape[1])) and len(points) > 1:
        scores = drift_scores(reference, points, rng=rng)
        unlike = int(np.count_nonzero(scores > 0))
        shortlist = highest(scores, max(budget, min(unlike, ceil(factor * budget))))
    return shortlist[k_means_plus_plus(points[shortlist], budget, rng=rng)]
