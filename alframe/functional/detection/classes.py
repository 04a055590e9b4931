"""Images whose objects are of classes that are short of labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from alframe.errors import InvalidInput
from alframe.functional.blocks import entropies
from alframe.functional.checks import check_budget, check_points, check_weights
from alframe.functional.greedy import lazy_greedy
from alframe.types import Positions


def rare_classes(expected: NDArray[Any], budget: int, counts: NDArray[Any] | None = None) -> Positions:
    """Choose images for the classes that have fewest objects, (N, C), (C,) -> positions (K,), all distinct.

    Greedily the largest gain of ``sum(log(1 + n))`` over classes, where n counts the labelled objects and those
    expected in the images chosen so far: an object is worth the more the fewer there are of its class. Ties go to the
    lowest position. The value of the batch is at least 1 - 1/e of the highest possible.

    >>> rare_classes(np.array([[3.0, 0.0], [0.0, 1.0], [2.0, 0.0]]), 2, counts=np.array([9.0, 0.0])).tolist()
    [1, 0]

    Args:
        expected: objects of each class to expect in each image.
        budget: K.
        counts: labelled objects of each class; ``None`` for none.

    Raises:
        InvalidInput: numbers of another shape, NaN or negative; a budget under one.
        PoolExhausted: a budget larger than N.

    Source: of the bound, Nemhauser, Wolsey & Fisher, "An analysis of approximations for maximizing submodular set
    functions", 1978; of classes balanced by expected counts, Bengar et al., "Class-balanced active learning for image
    classification", WACV 2022.
    """
    expected = check_points(expected, "expected")
    budget = check_budget(budget, available=len(expected))
    if expected.min(initial=0) < 0:
        raise InvalidInput(f"expected must not be negative, the smallest is {expected.min()}")
    classes = expected.shape[1]
    reached = 1 + (np.zeros(classes) if counts is None else check_weights(counts, classes))

    def gains_of(positions: Positions) -> NDArray[np.float64]:
        return np.asarray(np.log1p(expected[positions] / reached).sum(axis=1))

    def choose(position: int) -> None:
        np.add(reached, expected[position], out=reached)

    return lazy_greedy(gains_of(np.arange(len(expected))), budget, gains_of=gains_of, choose=choose)


def class_complementarity(highest: NDArray[Any], mean_counts: NDArray[Any]) -> NDArray[np.float64]:
    """How far an image's classes are from those of the labelled ones, (N, C), (C,) -> (N,), in [0, log 2].

    The Jensen-Shannon divergence (nats) of two softmaxes: of the image's highest score for each class, zero without
    one, and of the mean number of objects of each class in a labelled image.

    >>> class_complementarity(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([1.0, 0.0])).round(3).tolist()
    [0.0, 0.111]

    Raises:
        InvalidInput: numbers of another shape, NaN; counts that are negative.

    Source: Yu et al., "Consistency-based active learning for object detection", CVPR workshops 2022 (CALD), the second
    stage.
    """
    here = softmax(check_points(highest, "highest").astype(np.float64), axis=1)
    known = softmax(check_weights(mean_counts, here.shape[1]))
    return np.asarray(np.maximum(entropies((here + known) / 2) - (entropies(here) + entropies(known)) / 2, 0))
