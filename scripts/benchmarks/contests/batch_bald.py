"""BatchBALD against batchbald-redux (the authors' later code), scikit-activeml (its copy in NumPy) and baal.

Quality is the joint mutual information of the choice, by labels drawn anew: all are judged by the same measure.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from contest import OURS, Contest, faster
from numpy.typing import NDArray

from alframe.functional import batch_bald

BUDGET, NUM_SAMPLES = 10, 10_000
PEERS = ("batchbald-redux", "scikit-activeml", "baal")


def make(count: int = 2_000, draws: int = 50, classes: int = 10) -> NDArray[np.float64]:
    """Softmax of linear layers drawn around a common one."""
    rng = np.random.default_rng(0)
    inputs, layer = rng.normal(size=(count, 16)), 0.8 * rng.normal(size=(16, classes))
    odds = np.exp(np.einsum("nd,tdc->ntc", inputs, layer + 0.5 * rng.normal(size=(draws, 16, classes))))
    return np.asarray(odds / odds.sum(axis=2, keepdims=True))


def joint_information(samples: NDArray[np.float64], choice: Any, count: int = 100_000) -> float:
    """Mean of log p(labels | draw) / p(labels) over labels drawn from the joint distribution, in nats."""
    rng = np.random.default_rng(1)
    model = rng.integers(samples.shape[1], size=count)
    likelihood = np.ones((count, samples.shape[1]))
    for sample in samples[np.asarray(choice, dtype=np.int64)]:
        labels = (rng.random((count, 1)) > sample.cumsum(axis=1)[model, :-1]).sum(axis=1)
        likelihood *= sample.T[labels]
    return float(np.log(likelihood[np.arange(count), model] / likelihood.mean(axis=1)).mean())


def ours(samples: NDArray[np.float64]) -> Any:
    """What is measured."""
    return batch_bald(samples, BUDGET, num_samples=NUM_SAMPLES, rng=np.random.default_rng(0))[0]


def reference(samples: NDArray[np.float64]) -> Any:
    """The paper, plainly: for each choice all labels drawn anew, and every candidate's entropy given them."""
    rng, draws = np.random.default_rng(0), samples.shape[1]
    noise = -(samples * np.log(samples)).sum(axis=2).mean(axis=1)
    model = np.arange(NUM_SAMPLES) % draws
    chosen: list[int] = []
    for _ in range(BUDGET):
        posterior = np.ones((NUM_SAMPLES if chosen else 1, draws))
        for sample in samples[chosen]:
            labels = (rng.random((NUM_SAMPLES, 1)) > sample.cumsum(axis=1)[model, :-1]).sum(axis=1)
            posterior *= sample.T[labels]
        posterior /= posterior.sum(axis=1, keepdims=True)
        predictive = (posterior @ sample for sample in samples)
        gains = np.array([-(p * np.log(p)).sum(axis=1).mean() for p in predictive]) - noise
        gains[chosen] = -np.inf
        chosen.append(int(gains.argmax()))
    return chosen


def redux(samples: NDArray[np.float64]) -> Any:
    """batchbald-redux, which takes logarithms of (N, T, C)."""
    import torch
    from batchbald_redux.batchbald import get_batchbald_batch

    torch.manual_seed(0)
    log_probs = torch.from_numpy(np.log(samples))
    return get_batchbald_batch(log_probs, BUDGET, NUM_SAMPLES, dtype=torch.double).indices


def skactiveml(samples: NDArray[np.float64]) -> Any:
    """scikit-activeml, which takes (T, N, C) and returns the utilities of every step."""
    from skactiveml.pool._bald import batch_bald as theirs

    by_draw = np.ascontiguousarray(samples.swapaxes(0, 1))
    return np.nanargmax(theirs(by_draw, BUDGET, n_MC_samples=NUM_SAMPLES, random_state=0), axis=1)


def baal(samples: NDArray[np.float64]) -> Any:
    """baal, which takes (N, C, T) and draws so many configurations for each of the T draws."""
    from baal.active.heuristics import BatchBALD

    heuristic = BatchBALD(num_samples=BUDGET, num_draw=NUM_SAMPLES // samples.shape[1])
    return heuristic.get_ranks(samples.swapaxes(1, 2))[0][:BUDGET]


CONTESTS = [
    Contest(
        name="BatchBALD, 2,000 samples x 50 draws x 10 classes, 10 picks, 10,000 configurations; quality: information",
        make=make,
        contenders={
            OURS: ours,
            "reference": reference,
            "batchbald-redux": redux,
            "scikit-activeml": skactiveml,
            "baal": baal,
        },
        warm_up=lambda: make(30),
        quality=joint_information,
        agree=None,
        targets={
            "at least 7x faster than the fastest peer": faster(7, *PEERS),
            "joint mutual information at least 99 % of the best": lambda of: (
                of[OURS].quality >= 0.99 * max(result.quality for result in of.values())
            ),
            "under 1 GiB beside the data": lambda of: of[OURS].mib < 1024,
        },
    )
]
