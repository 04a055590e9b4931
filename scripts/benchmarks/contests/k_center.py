"""k-center greedy: against other libraries at 50,000, against one matrix product at 200,000, in memory at a million."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from contest import Contest, faster
from numpy.typing import NDArray

from alframe.functional import coverage_radius, k_center_greedy

WIDTH = 512


@dataclass(frozen=True)
class Data:
    """A pool, what is labelled, and how many are to be chosen."""

    points: NDArray[np.float32]
    centers: NDArray[np.float32]
    budget: int


def mixture(count: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """A hundred Gaussians that overlap."""
    means = np.random.default_rng(1).standard_normal((100, WIDTH), dtype=np.float32)
    points = rng.standard_normal((count, WIDTH), dtype=np.float32)
    for start in range(0, count, 10_000):
        block = points[start : start + 10_000]
        block += means[rng.integers(len(means), size=len(block))]
    return points


def uniform(count: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """A cube."""
    return rng.random((count, WIDTH), dtype=np.float32)


def low_rank(count: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Twenty dimensions in 512, cut off at zero as a network's last layer cuts them."""
    plane = np.random.default_rng(1).standard_normal((20, WIDTH), dtype=np.float32)
    return np.maximum(rng.standard_normal((count, 20), dtype=np.float32) @ plane, 0)


def make(
    count: int, labelled: int, budget: int, points: Callable[[int, np.random.Generator], NDArray[np.float32]] = mixture
) -> Data:
    """Pool and labelled points of one distribution."""
    rng = np.random.default_rng(0)
    return Data(points(count, rng), points(labelled, rng), budget)


def reference(data: Data) -> list[int]:
    """The definition in float64: one pass over the pool for each centre."""
    points, centers = data.points.astype(np.float64), data.centers.astype(np.float64)
    nearest, chosen = np.full(len(points), np.inf), []
    for choice in range(len(centers) + data.budget):
        if choice >= len(centers):
            chosen.append(int(nearest.argmax()))
            center = points[chosen[-1]]
        else:
            center = centers[choice]
        np.minimum(nearest, ((points - center) ** 2).sum(axis=1), out=nearest)
        nearest[chosen] = -1
    return chosen


def lightly(data: Data) -> list[int]:
    """lightly-mundig, the labelled behind the pool."""
    from lightly_mundig import Selection

    count, labelled = len(data.points), len(data.centers)
    selection = Selection()
    selection.add_diversifying_strategy(np.vstack([data.points, data.centers]), 1.0)
    preselected = list(range(count, count + labelled))
    chosen = selection.run_selection(preselected, count + labelled, labelled + data.budget)
    return [position for position in chosen if position < count]


def skactiveml(data: Data) -> Any:
    """scikit-activeml, the labelled behind the pool."""
    from skactiveml.pool import CoreSet

    labels = np.r_[np.full(len(data.points), np.nan), np.zeros(len(data.centers))]
    return CoreSet(random_state=0).query(np.vstack([data.points, data.centers]), labels, batch_size=data.budget)


def distil(data: Data) -> Any:
    """DISTIL's loop over arrays, without its network."""
    from distil.active_learning_strategies.core_set import CoreSet

    strategy = CoreSet.__new__(CoreSet)  # furthest_first reads nothing of the strategy
    return strategy.furthest_first(data.points, data.centers, data.budget)


def alframe(data: Data) -> NDArray[np.int64]:
    """Ours."""
    return k_center_greedy(data.points, data.budget, data.centers)


def one_product(data: Data) -> list[int]:
    """The pool times the labelled points, in float32: where the distances of the plain loop begin."""
    return [len(data.points @ data.centers.T)]


def radius(data: Data, choice: Any) -> float:
    """The distance that no point is farther from a labelled or chosen one."""
    return float(coverage_radius(data.points, np.vstack([data.centers, data.points[choice]])).max())


def same_points(ours: list[int], theirs: list[int]) -> bool:
    """Whatever the order: in float32 near ties may change places."""
    return set(ours) == set(theirs)


PEERS = {"lightly-mundig": lightly, "scikit-activeml": skactiveml, "distil": distil}

CONTESTS = [
    Contest(
        name="k-center, 50,000 x 512, 100 labelled, 500 picks; quality: the radius left",
        make=partial(make, 50_000, 100, 500),
        contenders={"alframe": alframe, "reference": reference, **PEERS},
        warm_up=partial(make, 2_000, 10, 5),
        quality=radius,
        agree=same_points,
        targets={
            "at least 10x faster than the fastest peer": faster(10, *PEERS),
            "picks equal to float64": lambda of: of["alframe"].choice == of["reference"].choice,
        },
    ),
    *(
        Contest(
            name=f"k-center, 200,000 x 512 ({points.__name__}), 1,000 labelled, 1,000 picks",
            make=partial(make, 200_000, 1_000, 1_000, points),
            contenders={"alframe": alframe, "one product": one_product},
            warm_up=partial(make, 20_000, 1_000, 5, points),
            agree=None,
            repeats=3,
            targets={
                "at most 0.6x the time of one product of pool and labelled": lambda of: (
                    of["alframe"].seconds <= 0.6 * of["one product"].seconds
                )
            },
        )
        for points in (mixture, uniform, low_rank)
    ),
    Contest(
        name="k-center, 1,000,000 x 512, 1,000 labelled, 1,000 picks",
        make=partial(make, 1_000_000, 1_000, 1_000),
        contenders={"alframe": alframe},
        warm_up=partial(make, 20_000, 1_000, 5),
        targets={"under 100 MiB beside the data": lambda of: of["alframe"].mib < 100},
    ),
]
