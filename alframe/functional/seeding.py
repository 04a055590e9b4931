"""Points that spread over the others at random (k-means++, BADGE) or stand for clusters of them (k-means)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional.checks import check_budget, check_points, check_probs
from alframe.functional.distances import squared_distance_to_nearest
from alframe.types import Positions

ROUNDING = 1e-12
"""A squared distance below this share of the squares it was subtracted from is rounding, not distance."""


def k_means_plus_plus(
    points: NDArray[Any], budget: int, *, weights: NDArray[Any] | None = None, rng: np.random.Generator
) -> Positions:
    """Draw points by their squared distance to the nearest one drawn, (N, D) -> positions (K,), all distinct.

    Positions index ``points``, in the order drawn. The first draw is uniform, and the others have chances
    proportional to the squared distances. Where ``weights`` (N,) are given, every chance is multiplied by the
    point's weight, and weight zero is never drawn. When all that are left coincide with points drawn before,
    the weight alone counts.

    >>> points, rng = np.array([[0.0], [0.0], [10.0]]), np.random.default_rng(0)
    >>> sorted(k_means_plus_plus(points, 2, weights=np.array([1.0, 0.0, 1.0]), rng=rng).tolist())
    [0, 2]

    Raises:
        InvalidInput: points of another shape or with NaN; weights of another shape, negative or NaN; a budget
            under one.
        PoolExhausted: a budget larger than the number of points with a weight.

    Source: Arthur & Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007.
    """
    points = check_points(points)
    weights = np.ones(len(points)) if weights is None else _check_weights(weights, len(points))
    budget = check_budget(budget, available=int(np.count_nonzero(weights)))
    return _spread(
        budget,
        first=_draw(weights, rng),
        squared_distances_from=lambda position: squared_distance_to_nearest(points, points[[position]]),
        weights=weights,
        rng=rng,
    )


def badge(probs: NDArray[Any], embeddings: NDArray[Any], budget: int, *, rng: np.random.Generator) -> Positions:
    """Spread over the last layer's gradients by k-means++, (N, C), (N, D) -> positions (K,), all distinct.

    A sample's gradient is that of the cross-entropy with respect to the last layer's weights if its most
    probable class were its label: the outer product of ``probs - one_hot(argmax)`` and the embedding. Inner
    products of outer products factorise, so the (N, C * D) gradients are never made. The first choice is the
    largest gradient, as in the authors' code; k-means++, which their paper names, would draw it uniformly.

    >>> probs = np.array([[1.0, 0.0], [0.5, 0.5], [0.9, 0.1]])
    >>> badge(probs, np.ones((3, 4)), 1, rng=np.random.default_rng(0)).tolist()
    [1]

    Raises:
        InvalidInput: an array of another shape or with NaN; a budget under one.
        PoolExhausted: a budget larger than N.

    Source: Ash et al., "Deep batch active learning by diverse, uncertain gradient lower bounds", ICLR 2020.
    """
    probs, embeddings = check_probs(probs), check_points(embeddings, "embeddings")
    if len(probs) != len(embeddings):
        raise InvalidInput(f"probs has {len(probs)} rows and embeddings has {len(embeddings)}; give one per sample")
    budget = check_budget(budget, available=len(probs))

    residuals = probs.astype(np.float64)
    residuals[np.arange(len(probs)), probs.argmax(axis=1)] -= 1
    embeddings = embeddings.astype(np.float64, copy=False)
    squared_norms = _squared_norms(residuals) * _squared_norms(embeddings)

    def squared_distances_from(position: int) -> NDArray[np.float64]:
        inner = (residuals @ residuals[position]) * (embeddings @ embeddings[position])
        sums = squared_norms + squared_norms[position]
        distances = sums - 2 * inner
        distances[distances < ROUNDING * sums] = 0
        return np.asarray(distances)

    return _spread(
        budget,
        first=int(squared_norms.argmax()),
        squared_distances_from=squared_distances_from,
        weights=np.ones(len(probs)),
        rng=rng,
    )


def k_means(points: NDArray[Any], budget: int, *, rng: np.random.Generator) -> Positions:
    """For each of K clusters the point nearest to its centroid, (N, D) -> positions (K,), all distinct.

    Where centroids share their nearest point, the later ones take the nearest that is left. FAISS fits the
    centroids, to a random subset of 256 points a cluster where there are more.

    >>> points = np.array([[0.0], [1.0], [2.0], [100.0], [101.0], [102.0]])
    >>> sorted(k_means(points, 2, rng=np.random.default_rng(0)).tolist())
    [1, 4]

    Raises:
        InvalidInput: points of another shape or with NaN; a budget under one.
        PoolExhausted: a budget larger than N.

    Source: Lloyd, "Least squares quantization in PCM", 1982; for active learning, Zhdanov, "Diverse
    mini-batch active learning", 2019, without weights.
    """
    points = check_points(points)
    budget = check_budget(budget, available=len(points))
    # FAISS computes in float32: a common offset would eat the digits that tell the points apart.
    centred = (points - points.mean(axis=0, dtype=np.float64)).astype(np.float32)
    seed = int(rng.integers(2**31))
    clustering = faiss.Kmeans(centred.shape[1], budget, seed=seed, min_points_per_centroid=1)
    clustering.train(centred)

    positions: list[int] = []
    for centroid in np.asarray(clustering.centroids):
        distances = squared_distance_to_nearest(centred, centroid[np.newaxis])
        distances[positions] = np.inf
        positions.append(int(distances.argmin()))
    return np.array(positions, dtype=np.int64)


def _spread(
    budget: int,
    *,
    first: int,
    squared_distances_from: Callable[[int], NDArray[np.float64]],
    weights: NDArray[np.float64],
    rng: np.random.Generator,
) -> Positions:
    """The k-means++ draws that follow ``first``, over any geometry that ``squared_distances_from`` knows."""
    positions = [first]
    nearest = np.full(len(weights), np.inf)
    while len(positions) < budget:
        np.minimum(nearest, squared_distances_from(positions[-1]), out=nearest)
        nearest[positions[-1]] = 0
        chances = weights * nearest
        if not chances.any():
            chances = weights.copy()
            chances[positions] = 0
        positions.append(_draw(chances, rng))
    return np.array(positions, dtype=np.int64)


def _draw(chances: NDArray[np.float64], rng: np.random.Generator) -> int:
    return int(rng.choice(len(chances), p=chances / chances.sum()))


def _squared_norms(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.einsum("ij,ij->i", rows, rows))


def _check_weights(weights: NDArray[Any], count: int) -> NDArray[np.float64]:
    weights = np.asarray(weights, dtype=np.float64)
    if weights.shape != (count,) or not np.isfinite(weights).all() or (weights < 0).any():
        raise InvalidInput(
            f"weights must be {count} finite numbers that are not negative, one per point; "
            f"got shape {weights.shape} with values {weights}"
        )
    return weights
