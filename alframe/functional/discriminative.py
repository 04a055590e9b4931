"""Samples that a classifier can tell from the labelled ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from alframe.errors import InvalidInput
from alframe.functional.blocks import row_blocks
from alframe.functional.checks import check_budget, check_points
from alframe.types import Positions

UNLABELLED_PER_LABELLED = 10
"""How many unlabelled samples the classifier is shown for each labelled one, as in the authors' code."""


def discriminative(
    points: NDArray[Any],
    budget: int,
    centers: NDArray[Any] | None = None,
    *,
    queries: int = 10,
    rng: np.random.Generator,
) -> Positions:
    """Choose what looks least like the labelled, in turns, (N, D), (M, D) -> positions (K,), all distinct.

    A logistic regression tells the points from the centres, which are labelled. The points that it is surest of are
    chosen; they count as labelled when it is fitted again for the next of the ``queries`` turns, so that the batch does
    not come from one spot. It sees at most ten random points for each labelled one. The authors fit a small network in
    its place; here embeddings are told apart by a plane. Without centres (``None``, or M = 0) the first turn is drawn
    uniformly.

    >>> points = np.array([[0.0], [5.0], [9.0]])
    >>> discriminative(points, 1, centers=np.array([[0.0], [1.0]]), rng=np.random.default_rng(0)).tolist()
    [2]

    Raises:
        InvalidInput: points or centres of another shape or with NaN; a budget or number of queries under one.
        PoolExhausted: a budget larger than N.

    Source: Gissin & Shalev-Shwartz, "Discriminative active learning", 2019.
    """
    points = check_points(points)
    budget = check_budget(budget, available=len(points))
    if queries < 1:
        raise InvalidInput(f"queries must be at least 1, got {queries}")
    centers = points[:0] if centers is None else check_points(centers, "centers", width=points.shape[1])
    turns = [len(turn) for turn in np.array_split(np.arange(budget), min(queries, budget))]

    middle = points.mean(axis=0, dtype=np.float64)
    # Coordinates of variance one on average, so that the penalty on the weights does not depend on the unit.
    parts = row_blocks(*points.shape)
    scale = (
        float(np.sqrt(sum(((points[part] - middle) ** 2).sum(axis=0) for part in parts) / len(points)).mean()) or 1.0
    )
    classifier = LogisticRegression(class_weight="balanced", max_iter=1000, warm_start=True)
    left = np.arange(len(points))
    positions = np.empty(0, dtype=np.int64)
    for count in turns:
        labelled = np.vstack([centers, points[positions]])
        if len(labelled) == 0:
            taken = rng.choice(len(left), size=count, replace=False)
        else:
            shown = _shown(left, UNLABELLED_PER_LABELLED * len(labelled), rng)
            rows = (np.vstack([labelled, points[shown]]) - middle) / scale
            classifier.fit(rows, np.repeat([0, 1], [len(labelled), len(shown)]))
            sure = np.concatenate([points[part] @ classifier.coef_[0] for part in parts])
            taken = np.argsort(-sure[left], kind="stable")[:count]
        positions = np.concatenate([positions, left[taken]])
        left = np.delete(left, taken)
    return positions


def _shown(left: Positions, most: int, rng: np.random.Generator) -> Positions:
    return left if len(left) <= most else rng.choice(left, size=most, replace=False)
