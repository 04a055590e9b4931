"""What is uncertain and spread out, and expected change: against their definitions and against scikit-activeml."""

from __future__ import annotations

from typing import Any

import numpy as np
from contest import Contest, faster
from contests._linear import Data, best, look_up, make, rng, skactiveml
from numpy.typing import NDArray

from alframe.functional import (
    alfa_mix,
    bait,
    class_means,
    clue,
    cluster_margin,
    entropy,
    expected_gradient_length,
    k_means,
    margin,
    unit_length,
)


def cluster_margin_reference(data: Data) -> list[int]:
    """All distances of the unsure by SciPy, and one turn of the clusters after the other."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import pdist

    unsure = rng().permutation(best(margin(data.probs), 10 * data.budget))
    cluster = fcluster(linkage(pdist(data.embeddings[unsure]), "average"), data.budget, "maxclust")
    members = {name: list(unsure[cluster == name]) for name in np.unique(cluster)}
    order = sorted(members, key=lambda name: (len(members[name]), name))
    chosen: list[int] = []
    while True:
        for name in order:
            if len(chosen) == data.budget:
                return chosen
            if members[name]:
                chosen.append(members[name].pop(0))


def clue_reference(data: Data) -> list[int]:
    """Lloyd's iterations with weights."""
    points, weights = data.embeddings, entropy(data.probs)[:, np.newaxis]
    centroids = points[rng().choice(len(points), data.budget, replace=False)]
    squares = (points**2).sum(axis=1)[:, np.newaxis]
    for _ in range(25):
        distances = squares + (centroids**2).sum(axis=1) - 2 * points @ centroids.T
        cluster = distances.argmin(axis=1)
        for label in np.unique(cluster):
            members = cluster == label
            centroids[label] = (weights[members] * points[members]).sum(axis=0) / weights[members].sum()
    chosen: list[int] = []
    for label in range(data.budget):
        distances[chosen, label] = np.inf
        chosen.append(int(distances[:, label].argmin()))
    return chosen


def clue_peer(data: Data) -> Any:
    """scikit-activeml with one start of scikit-learn's k-means."""
    from skactiveml.pool import Clue

    strategy = Clue(cluster_algo_dict={"n_init": 1, "random_state": 0}, random_state=0)
    return skactiveml(strategy, data, estimator=look_up(data), fit_estimator=False)


def weighted_spread(data: Data, choice: Any) -> float:
    """The mean squared distance to the nearest choice, weighted by entropy: lower is better."""
    chosen = data.embeddings[choice]
    squared = (data.embeddings**2).sum(axis=1)[:, np.newaxis] + (chosen**2).sum(axis=1)
    squared -= 2 * data.embeddings @ chosen.T
    return float(np.average(squared.min(axis=1), weights=entropy(data.probs)))


def bait_reference(data: Data) -> list[int]:
    """The authors' algorithm: every candidate's rows through the large matrices, for each choice."""
    rows, known = (
        np.einsum("nc,nce,nd->nced", np.sqrt(probs), np.eye(probs.shape[1]) - probs[:, np.newaxis], points)
        .reshape(len(probs), probs.shape[1], -1)
        .astype(np.float64)
        for probs, points in ((data.probs, data.embeddings), (data.center_probs, data.centers))
    )
    flat = rows.reshape(-1, rows.shape[2])
    pool = flat.T @ flat / len(rows)
    inverse = np.linalg.inv(np.eye(len(pool)) + np.einsum("nre,nrf->ef", known, known))
    one, chosen = np.eye(rows.shape[1]), list[int]()

    def gains(candidates: NDArray[Any], sign: int) -> NDArray[Any]:
        met = candidates @ inverse
        inner = np.linalg.inv(one + sign * met @ candidates.transpose(0, 2, 1))
        return np.einsum("nrs,nsr->n", met @ pool @ met.transpose(0, 2, 1), inner)

    def changed(added: NDArray[Any], sign: int) -> NDArray[Any]:
        met = added @ inverse
        return inverse - sign * met.T @ np.linalg.inv(one + sign * met @ added.T) @ met

    for _ in range(2 * data.budget):
        each = gains(rows, 1)
        each[chosen] = -np.inf
        chosen.append(int(each.argmax()))
        inverse = changed(rows[chosen[-1]], 1)
    while len(chosen) > data.budget:
        left = int(gains(rows[chosen], -1).argmin())
        inverse = changed(rows[chosen.pop(left)], -1)
    return chosen


def alfa_mix_reference(data: Data) -> Any:
    """Every anchor mixed into every sample, feature by feature; alframe's k-means of the candidates."""
    points, weight, bias = data.embeddings.astype(np.float64), data.head[:, :-1], data.head[:, -1]
    logits = points @ weight.T + bias
    predicted = logits.argmax(axis=1)
    residuals = data.probs.astype(np.float64)
    residuals[np.arange(len(points)), predicted] -= 1
    gradients = residuals @ weight
    for eps in np.arange(1, 6) * 0.2:
        flipped = np.zeros(len(points), dtype=bool)
        for anchor in anchors(data):
            away = anchor - points
            lengths = np.linalg.norm(away, axis=1, keepdims=True) / np.linalg.norm(gradients, axis=1, keepdims=True)
            shares = eps / np.sqrt(points.shape[1]) * lengths * gradients / away
            mixed = shares * anchor + (1 - shares) * points
            flipped |= (mixed @ weight.T + bias).argmax(axis=1) != predicted
        if flipped.sum() >= data.budget:
            break
    candidates = np.flatnonzero(flipped)
    return candidates[k_means(unit_length(data.embeddings[candidates]), data.budget, rng=rng())]


def anchors(data: Data) -> NDArray[np.float64]:
    """The means of the labelled classes."""
    return class_means(data.centers, data.center_probs.argmax(axis=1))


def expected_gradient_length_reference(data: Data) -> Any:
    """One label after the other."""
    probs = data.probs.astype(np.float64)
    lengths = np.zeros(len(probs))
    for label in range(probs.shape[1]):
        residuals = probs.copy()
        residuals[:, label] -= 1
        lengths += probs[:, label] * np.linalg.norm(residuals, axis=1)
    inputs = np.column_stack([data.embeddings.astype(np.float64), np.ones(len(probs))])
    return best(lengths * np.linalg.norm(inputs, axis=1), data.budget)


CONTESTS = [
    Contest(
        name="Cluster-Margin, 50,000 x 512, 10 classes, 200 picks of 2,000 unsure",
        make=lambda: make(50_000, 512, 10, 1, 200),
        contenders={
            "alframe": lambda d: cluster_margin(d.probs, d.embeddings, d.budget, rng=rng()),
            "reference": cluster_margin_reference,
        },
        warm_up=lambda: make(500, 8, 3, 1, 10),
        targets={"faster than SciPy's distances": lambda of: of["alframe"].seconds < of["reference"].seconds},
    ),
    Contest(
        name="CLUE, 20,000 x 512, 10 classes, 100 picks; quality: weighted spread, lower is better",
        make=lambda: make(20_000, 512, 10, 1, 100),
        contenders={
            "alframe": lambda d: clue(d.probs, d.embeddings, d.budget, rng=rng()),
            "reference": clue_reference,
            "scikit-activeml": clue_peer,
        },
        warm_up=lambda: make(500, 8, 3, 1, 10),
        quality=weighted_spread,
        agree=None,
        targets={
            "faster than scikit-activeml, no spread more than 2% wider": lambda of: (
                of["alframe"].seconds < of["scikit-activeml"].seconds
                and (of["alframe"].quality or 0) <= 1.02 * (of["scikit-activeml"].quality or 0)
            )
        },
    ),
    Contest(
        name="BAIT, 2,000 x 64, 5 classes, 50 centres, 20 picks, nothing left out",
        make=lambda: make(2_000, 64, 5, 50, 20),
        contenders={
            "alframe": lambda d: bait(
                d.probs, d.embeddings, d.budget, d.center_probs, d.centers, embedding_directions=64
            ),
            "reference": bait_reference,
        },
        warm_up=lambda: make(100, 8, 3, 5, 4),
        targets={"at least 10x faster than the authors' loop": faster(10, "reference")},
    ),
    Contest(
        name="ALFA-Mix, 50,000 x 512, 10 classes, 100 picks",
        make=lambda: make(50_000, 512, 10, 500, 100),
        contenders={
            "alframe": lambda d: alfa_mix(d.embeddings, d.head, d.budget, anchors(d), rng=rng()),
            "reference": alfa_mix_reference,
        },
        warm_up=lambda: make(500, 8, 3, 30, 10),
        targets={"at least 5x faster than literal mixing": faster(5, "reference")},
    ),
    Contest(
        name="Expected gradient length, 50,000 x 512, 100 classes",
        make=lambda: make(50_000, 512, 100, 1, 100),
        contenders={
            "alframe": lambda d: best(expected_gradient_length(d.probs, d.embeddings), d.budget),
            "reference": expected_gradient_length_reference,
        },
        warm_up=lambda: make(500, 8, 3, 1, 10),
        repeats=3,
        targets={"at least 10x faster than label by label": faster(10, "reference")},
    ),
]
