"""More like these and less like those: query by example, for rare classes. Similarity is the cosine."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional.blocks import blocks
from alframe.functional.checks import check_budget, check_points
from alframe.functional.geometry.directions import unit_length
from alframe.functional.geometry.gram import ENTRIES
from alframe.functional.greedy import lazy_greedy
from alframe.functional.ranking import highest
from alframe.types import Positions


def flqmi(
    points: NDArray[Any], query: NDArray[Any], budget: int, *, avoid: NDArray[Any] | None = None, eta: float = 1.0
) -> Positions:
    """Choose what resembles the query and represents all of it, (N, D), (Q, D), (P, D) -> positions (K,), all distinct.

    With s the cosine similarity, zero where it is negative, what the chosen set A maximises is::

        sum over q in query of  max(0, max over a in A of s(q, a) - max over p in avoid of s(q, p))
        + eta * sum over a in A of  max(0, max over q in query of s(a, q) - max over p in avoid of s(a, p))

    where the maximum over nothing is zero. Without ``avoid`` it is the facility location mutual information of A and
    the query; ``avoid`` turns the first sum into the gain over what the set to stay away from represents already, and
    the second into how much nearer the query is than that set. Greedy choice reaches at least 1 - 1/e of the best.
    Positions index ``points``, in the order chosen; ties go to the lowest.

    >>> points = np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    >>> flqmi(points, np.array([[1.0, 0.0], [0.0, 1.0]]), 2).tolist()
    [0, 2]
    >>> flqmi(points, np.array([[1.0, 0.5]]), 1, avoid=np.array([[1.0, 0.0]])).tolist()
    [2]

    Raises:
        InvalidInput: an array of another shape or with NaN; an empty query; a negative ``eta``; a budget under one.
        PoolExhausted: a budget larger than N.

    Source: Kothawade et al., "SIMILAR: submodular information measures based active learning in realistic scenarios",
    NeurIPS 2021; Iyer et al., "Submodular combinatorial information measures", ALT 2021.
    """
    points, toward, away = _check(points, query, avoid)
    budget = check_budget(budget, available=len(points))
    if not 0 <= eta < np.inf:
        raise InvalidInput(f"eta must be a finite number that is not negative, got {eta}")
    represented = _likeness(toward, away).max(axis=1, initial=0)

    def likeness(positions: Positions | slice) -> NDArray[Any]:
        return _likeness(points[positions], toward)

    def gains_of(positions: Positions | slice) -> NDArray[Any]:
        return np.asarray(np.maximum(likeness(positions) - represented, 0).sum(axis=1) + eta * nearer[positions])

    def choose(position: int) -> None:
        np.maximum(represented, likeness(np.array([position]))[0], out=represented)

    nearer, gains = np.zeros(len(points)), np.zeros(len(points))
    for block in blocks(len(points), ENTRIES // max(points.shape[1], len(toward), len(away))):
        resembling = likeness(block).max(axis=1) - _likeness(points[block], away).max(axis=1, initial=0)
        nearer[block] = np.maximum(resembling, 0)
        gains[block] = gains_of(block)
    return lazy_greedy(gains, budget, gains_of=gains_of, choose=choose)


def gcmi(points: NDArray[Any], query: NDArray[Any], budget: int, *, avoid: NDArray[Any] | None = None) -> Positions:
    """Choose what resembles the query most, (N, D), (Q, D), (P, D) -> positions (K,), all distinct.

    What the chosen set A maximises is the sum over its points of the mean cosine similarity to the query, less the
    mean cosine similarity to ``avoid``. Up to a factor it is the graph-cut mutual information of A and the query, less
    that of A and ``avoid``, each for one sample. No point changes what another adds: the K best are the K highest,
    however much alike they are. Positions index ``points``, in the order chosen; ties go to the lowest.

    >>> points = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 0.2], [-1.0, 0.0]])
    >>> gcmi(points, np.array([[3.0, 0.0]]), 2).tolist()
    [1, 2]

    Raises:
        InvalidInput: an array of another shape or with NaN; an empty query; a budget under one.
        PoolExhausted: a budget larger than N.

    Source: Kothawade et al., "SIMILAR: submodular information measures based active learning in realistic scenarios",
    NeurIPS 2021; Iyer et al., "Submodular combinatorial information measures", ALT 2021.
    """
    points, toward, away = _check(points, query, avoid)
    budget = check_budget(budget, available=len(points))
    direction = toward.mean(axis=0) - (away.mean(axis=0) if len(away) else 0)
    scores = np.empty(len(points))
    for block in blocks(len(points), ENTRIES // points.shape[1]):
        scores[block] = unit_length(points[block].astype(np.float64)) @ direction
    return highest(scores, budget)


def _check(
    points: NDArray[Any], query: NDArray[Any], avoid: NDArray[Any] | None
) -> tuple[NDArray[Any], NDArray[np.float64], NDArray[np.float64]]:
    """The points, and the directions of the query and of the set to stay away from."""
    points = check_points(points)
    query = check_points(query, "query", width=points.shape[1])
    if not len(query):
        raise InvalidInput("the query holds no example; give at least one point like those that are wanted")
    avoid = points[:0] if avoid is None else check_points(avoid, "avoid", width=points.shape[1])
    return points, unit_length(query.astype(np.float64)), unit_length(avoid.astype(np.float64))


def _likeness(points: NDArray[Any], directions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cosine similarity where it is positive, (N, D), (Q, D) -> (N, Q)."""
    similarities = unit_length(points.astype(np.float64)) @ directions.T
    return np.asarray(np.maximum(similarities, 0, out=similarities))
