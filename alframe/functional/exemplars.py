"""Samples that are kept to stand for the others, and which class an image of several stands for."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.functional.checks import check_budget, check_points
from alframe.types import UNLABELLED, Ids, Objects, Positions


def hashed_sample(ids: Ids, size: int, seed: int) -> Positions:
    """A uniform sample of K ids without replacement that their names decide, (N,) -> positions (K,).

    The K ids whose hashes with the seed are lowest. So a sample of a stream can be kept without counting it: what is
    chosen from the sample so far and from what came since is what would have been chosen from the whole stream, and
    every id of it had the same chance.

    >>> stream = np.array([f"image/{number}" for number in range(100)])
    >>> earlier = stream[:60][hashed_sample(stream[:60], 5, seed=0)]
    >>> both = np.concatenate([earlier, stream[60:]])
    >>> set(both[hashed_sample(both, 5, seed=0)]) == set(stream[hashed_sample(stream, 5, seed=0)])
    True

    Args:
        ids: distinct names.
        size: K.
        seed: another one gives an independent sample.

    Raises:
        InvalidInput: a size under one.
        PoolExhausted: a size larger than N.

    Source: Cohen & Kaplan, "Summarizing data using bottom-k sketches", PODC 2007; for the reservoir that it replaces,
    Vitter, "Random sampling with a reservoir", 1985.
    """
    size = check_budget(size, available=len(ids))
    key = blake2b(str(seed).encode()).digest()
    priorities = np.array([blake2b(name.encode(), key=key, digest_size=16).digest() for name in ids.tolist()])
    return np.argsort(priorities, kind="stable")[:size]


def herding(points: NDArray[Any], budget: int) -> Positions:
    """Choose K points whose mean stays nearest to the mean of all, (N, D) -> positions (K,), all distinct.

    Greedily, so that each beginning of the choice is the choice for a smaller budget; ties go to the lowest position.

    >>> herding(np.array([[0.0], [1.0], [5.0], [6.0], [18.0]]), 3).tolist()
    [3, 2, 1]

    Raises:
        InvalidInput: points of another shape or with NaN; a budget under one.
        PoolExhausted: a budget larger than N.

    Source: Rebuffi et al., "iCaRL: incremental classifier and representation learning", CVPR 2017, algorithm 4;
    Welling, "Herding dynamical weights to learn", ICML 2009.
    """
    points = check_points(points).astype(np.float64)
    budget = check_budget(budget, available=len(points))
    points -= points.mean(axis=0)  # so that the mean to reach is the origin
    squares, total = np.vecdot(points, points), np.zeros(points.shape[1])
    chosen = np.empty(budget, dtype=np.int64)
    for turn in range(budget):
        # |total + point|^2 without what is the same for all
        distances = squares + 2 * (points @ total)
        distances[chosen[:turn]] = np.inf
        chosen[turn] = distances.argmin()
        total += points[chosen[turn]]
    return chosen


def rarest_class(objects: Sequence[Objects]) -> NDArray[np.int64]:
    """The class of each image's objects that fewest of these images have, N x Objects -> (N,).

    ``UNLABELLED`` for an image without an object that counts; of equally rare classes the lowest.

    >>> from alframe.types import Object
    >>> cat, dog = Object((0, 0, 1, 1), label=0), Object((0, 0, 1, 1), label=1)
    >>> rarest_class([Objects((cat, dog)), Objects((cat,)), Objects()]).tolist()
    [1, 0, -1]
    """
    present = [np.unique(each.labels[~each.ignored]) for each in objects]
    images = np.bincount(np.concatenate([np.empty(0, dtype=np.int64), *present]))
    rarest = [int(classes[images[classes].argmin()]) if len(classes) else UNLABELLED for classes in present]
    return np.array(rarest, dtype=np.int64)
