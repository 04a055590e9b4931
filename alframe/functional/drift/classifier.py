"""A classifier that tells two sets of samples apart: whether it can, and which samples it recognises."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from alframe.errors import InvalidInput
from alframe.functional.blocks import row_blocks
from alframe.functional.checks import check_points, check_sides
from alframe.types import Positions

SHOWN = 10_000
"""Most samples of one side that the classifier is fitted to: a plane needs no more."""


def domain_classifier(
    reference: NDArray[Any], current: NDArray[Any], *, rng: np.random.Generator
) -> tuple[float, float]:
    """How well a plane tells the sides apart, (N, D), (M, D) -> area under the ROC curve, p.

    A logistic regression is fitted to a random half of each side, and scores the other halves. Given the classifier,
    those scores are independent and, without drift, equally distributed on both sides, so that Mann and Whitney's test
    holds its level. Over the folds of a cross-validation it would not: there every sample is scored by a classifier
    that others of the test were fitted to. Both sides weigh the same, however many samples they have.

    A plane sees that means have moved, and not that a spread has changed around the same mean.

    >>> rng = np.random.default_rng(0)
    >>> area, p = domain_classifier(rng.normal(size=(100, 3)), rng.normal(1, 1, (100, 3)), rng=rng)
    >>> area > 0.7, p < 0.001
    (True, True)

    Raises:
        InvalidInput: another shape or a NaN; fewer than two samples on one side.

    Source: Lopez-Paz & Oquab, "Revisiting classifier two-sample tests", ICLR 2017, who count right answers.
    """
    sides = [side[rng.permutation(len(side))] for side in check_sides(reference, current, least=2)]
    seen, unseen = ([side[part::2] for side in sides] for part in (0, 1))
    classifier = _fitted(seen[0], seen[1], rng)
    found = stats.mannwhitneyu(
        *(classifier.decision_function(side) for side in reversed(unseen)), alternative="greater", method="asymptotic"
    )
    return float(found.statistic) / (len(unseen[0]) * len(unseen[1])), float(found.pvalue)


def drift_scores(
    reference: NDArray[Any], current: NDArray[Any], *, folds: int = 5, rng: np.random.Generator
) -> NDArray[np.float64]:
    """How unlike the reference each sample is, (N, D), (M, D) -> (M,), as log-odds.

    A logistic regression, to which both sides weigh the same, tells the reference from all samples but those of one
    fold, and scores these: what it has learnt by heart does not count. Zero says that a sample fits either side as
    well, log 2 that such samples are twice as frequent among the current ones as in the reference.

    Args:
        reference: (N, D) samples.
        current: (M, D) samples.
        folds: in so many parts the current samples are scored.
        rng: of the folds.

    >>> reference, current = np.arange(9.0)[:, np.newaxis], np.array([[4.0], [30.0], [5.0], [31.0]])
    >>> scores = drift_scores(reference, current, rng=np.random.default_rng(0))
    >>> bool(scores[[1, 3]].min() > 0 > scores[[0, 2]].max())
    True

    Raises:
        InvalidInput: another shape or a NaN; an empty reference; fewer than two samples to score, or folds.
    """
    reference, current = check_sides(reference, check_points(current, "current"), least=1)
    if len(current) < 2 or folds < 2:
        raise InvalidInput(f"to score samples by others takes two of them and two folds, got {len(current)}, {folds}")
    order = rng.permutation(len(current))
    scores = np.empty(len(current))
    for fold in np.array_split(order, min(folds, len(current))):
        others = np.setdiff1d(order, fold)
        classifier = _fitted(reference, current[_shown(others, rng)], rng)
        for part in row_blocks(len(fold), current.shape[1]):
            scores[fold[part]] = classifier.decision_function(current[fold[part]])
    return scores


def _fitted(reference: NDArray[Any], current: NDArray[Any], rng: np.random.Generator) -> Pipeline:
    reference, current = (side[_shown(np.arange(len(side)), rng)] for side in (reference, current))
    rows = np.concatenate([reference, current]).astype(np.float64)
    classifier = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000))
    return classifier.fit(rows, np.repeat([0, 1], [len(reference), len(current)]))


def _shown(positions: Positions, rng: np.random.Generator) -> Positions:
    return positions if len(positions) <= SHOWN else rng.choice(positions, SHOWN, replace=False)
