"""Points that leave none far from a centre: greedy k-centre selection."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional.checks import check_budget, check_points
from alframe.functional.coverage.farthest_first import farthest_first
from alframe.functional.coverage.k_center_torch import farthest_first_torch
from alframe.functional.tensors import check_tensor, is_tensor, like
from alframe.types import Positions

if TYPE_CHECKING:
    import torch


def k_center_greedy(
    points: NDArray[Any] | torch.Tensor, budget: int, centers: NDArray[Any] | torch.Tensor | None = None
) -> Positions:
    """Choose the point farthest from all centres, K times, (N, D), (M, D) -> positions (K,), all distinct.

    Each choice becomes a centre. Positions index ``points``, in the order chosen; ties go to the lowest.
    Without centres (``None``, or M = 0) the first choice is the point farthest from the mean. The radius that
    K chosen points leave is at most twice the smallest that any K points can.

    The choices equal those of a loop in float64 whatever the precision of ``points``, which may be memory-mapped:
    they are read in blocks. Of a torch tensor the distances are computed on its device and in its precision.

    >>> k_center_greedy(np.array([[0.0], [1.0], [5.0], [9.0]]), 2, centers=np.array([[9.0]])).tolist()
    [0, 2]

    Raises:
        InvalidInput: points or centres of another shape or with NaN; a budget under one.
        PoolExhausted: a budget larger than N.

    Source: Gonzalez, "Clustering to minimize the maximum intercluster distance", 1985; for active learning,
    Sener & Savarese, "Active learning for convolutional neural networks: a core-set approach", ICLR 2018.
    """
    if is_tensor(points):
        return _k_center_torch(points, budget, centers)
    points = check_points(points)
    budget = check_budget(budget, available=len(points))
    centers = None if centers is None else check_points(np.asarray(centers), "centers", width=points.shape[1])
    if centers is None or len(centers) == 0:
        first = farthest_first(points, points.mean(axis=0, dtype=np.float64, keepdims=True), 1)
        if budget == 1:
            return first
        return np.concatenate([first, farthest_first(points, points[first], budget - 1, taken=first)])
    return farthest_first(points, centers, budget)


def k_center_two_level(blocks: Iterable[NDArray[Any]], budget: int, centers: NDArray[Any] | None = None) -> Positions:
    """Choose from each block as ``k_center_greedy`` does, then among the chosen, B x (N, D) -> positions (K,).

    For pools larger than memory: ``blocks`` may be a generator, and of each no more than K points are kept. Positions
    count through the blocks in order. The radius that the chosen points leave is at most four times the smallest that
    any K points can: each block's choice is within twice of it, and so is the choice among the chosen.

    >>> k_center_two_level([np.array([[0.0], [1.0]]), np.array([[9.0], [10.0]])], 2).tolist()
    [0, 3]

    Raises:
        InvalidInput: points or centres of another shape or with NaN; a budget under one; no block at all.
        PoolExhausted: a budget larger than all blocks together.

    Source: Malkomes et al., "Fast distributed k-center clustering with outliers on massive data", NeurIPS 2015.
    """
    kept, positions, seen = [], [], 0
    for block in blocks:
        if len(block):
            chosen = k_center_greedy(block, min(budget, len(block)), centers)
            kept.append(block[chosen])
            positions.append(seen + chosen)
        seen += len(block)
    if not kept:
        raise InvalidInput("no points to choose from: every block is empty; give at least one point")
    return np.concatenate(positions)[k_center_greedy(np.concatenate(kept), budget, centers)]


def _k_center_torch(points: torch.Tensor, budget: int, centers: NDArray[Any] | torch.Tensor | None) -> Positions:
    points = check_tensor(points, "points")
    budget = check_budget(budget, available=len(points))
    if centers is not None:
        centers = check_tensor(like(points, centers), "centers", width=points.shape[1])
    return farthest_first_torch(points, centers, budget)
