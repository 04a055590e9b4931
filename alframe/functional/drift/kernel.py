"""Maximum mean discrepancy: all dimensions at once, through a kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import pdist, squareform

from alframe.errors import InvalidInput
from alframe.functional.checks import check_sides

ROUND_OFF = 1e-12
"""Statistics closer than this are equal: a kernel's values are at most one, and sums of them round."""


def maximum_mean_discrepancy(
    reference: NDArray[Any],
    current: NDArray[Any],
    *,
    permutations: int = 500,
    most: int = 2000,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Squared MMD, unbiased, and its p-value by permutation, (N, D), (M, D) -> statistic, p.

    The kernel is Gaussian, its width the median distance between all samples. It is computed once: which side a sample
    is on is a column of zeros and ones, and one matrix product gives the sums for all permutations. The p-value is
    exact, whatever the distribution, and at least 1 / (permutations + 1).

    Args:
        reference: (N, D) samples.
        current: (M, D) samples.
        permutations: how often sides are drawn anew.
        most: at most so many samples are compared, drawn at random from the larger side first.
        rng: of both draws.

    >>> rng = np.random.default_rng(0)
    >>> statistic, p = maximum_mean_discrepancy(rng.normal(size=(50, 2)), rng.normal(2, 1, (50, 2)), rng=rng)
    >>> statistic > 0.1, p < 0.01
    (True, True)

    Raises:
        InvalidInput: another shape or a NaN; fewer than two samples on one side; no permutation.

    Source: Gretton, Borgwardt, Rasch, Schoelkopf & Smola, "A kernel two-sample test", JMLR 13, 2012.
    """
    reference, current = check_sides(reference, current, least=2)
    if permutations < 1 or most < 4:
        raise InvalidInput(f"permutations must be at least 1 and most at least 4, got {permutations} and {most}")
    half = most // 2
    reference, current = (
        _drawn(side, max(half, most - len(other)), rng) for side, other in ((reference, current), (current, reference))
    )
    kernel = _gaussian_kernel(np.concatenate([reference, current]).astype(np.float64))
    sides = np.zeros((len(kernel), permutations + 1))
    sides[: len(reference)] = 1
    sides[:, 1:] = rng.permuted(sides[:, 1:], axis=0)
    statistics = _unbiased(kernel, sides)
    as_large = int(np.count_nonzero(statistics[1:] >= statistics[0] - ROUND_OFF))
    return float(statistics[0]), (1 + as_large) / (1 + permutations)


def _drawn(points: NDArray[Any], most: int, rng: np.random.Generator) -> NDArray[Any]:
    return points if len(points) <= most else points[rng.choice(len(points), most, replace=False)]


def _gaussian_kernel(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Similarity of all pairs, (N, D) -> (N, N), zero for a sample and itself."""
    squares = pdist(points, "sqeuclidean")
    # Where most pairs coincide their median is no width; any positive one tells equal samples from others.
    width = np.median(squares) or squares.mean() or 1.0
    return np.asarray(squareform(np.exp(squares / (-2 * width))))


def _unbiased(kernel: NDArray[np.float64], sides: NDArray[np.float64]) -> NDArray[np.float64]:
    """The statistic for each column of ``sides``, (N, N) without its diagonal, (N, P) of zeros and ones -> (P,)."""
    ones = sides[:, 0].sum()
    zeros = len(kernel) - ones
    rows = kernel.sum(axis=1)
    within = np.einsum("np,np->p", sides, kernel @ sides)
    between = rows @ sides - within
    others = rows.sum() - within - 2 * between
    return np.asarray(within / (ones * (ones - 1)) + others / (zeros * (zeros - 1)) - 2 * between / (ones * zeros))
