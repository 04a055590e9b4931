"""Hybrid strategies, expected change and discriminative: against their definitions and against scikit-activeml."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from contest import Contest
from numpy.typing import NDArray

from alframe.functional import (
    alfa_mix,
    bait,
    cdal,
    class_means,
    clue,
    cluster_margin,
    contrastive,
    discriminative,
    entropy,
    expected_gradient_length,
    falcun,
    k_means,
    margin,
    unit_length,
)

GREEDY = 900.0
"""A gamma of FALCUN that leaves nothing to chance, so that picks can be compared."""


@dataclass(frozen=True)
class Data:
    """A pool and M labelled samples before one linear layer, and how many are to be chosen."""

    embeddings: NDArray[np.float32]
    probs: NDArray[np.float32]
    head: NDArray[np.float32]
    centers: NDArray[np.float32]
    center_probs: NDArray[np.float32]
    budget: int


def make(count: int, width: int, classes: int, labelled: int, budget: int) -> Data:
    """A mixture of Gaussians, one for each class and one between each two of the first."""
    rng = np.random.default_rng(0)
    means = rng.normal(size=(2 * classes, width))
    means[classes:] = (means[:classes] + np.roll(means[:classes], 1, axis=0)) / 2
    points = means[rng.integers(2 * classes, size=count + labelled)] + 0.5 * rng.normal(size=(count + labelled, width))
    head = np.column_stack([means[:classes], -(means[:classes] ** 2).sum(axis=1) / 2]) * (8 / width)
    logits = points @ head[:, :-1].T + head[:, -1]
    probs = np.exp(logits - logits.max(axis=1, keepdims=True))
    probs /= probs.sum(axis=1, keepdims=True)
    pool, known = slice(labelled, None), slice(labelled)
    arrays = (points[pool], probs[pool], head, points[known], probs[known])
    return Data(*(array.astype(np.float32) for array in arrays), budget)


def rng() -> np.random.Generator:
    """The same for every contender."""
    return np.random.default_rng(0)


def best(scores: NDArray[Any], budget: int) -> NDArray[np.int64]:
    """The highest scores, highest first."""
    return np.argsort(-scores, kind="stable")[:budget]


def log(probs: NDArray[Any]) -> NDArray[np.float64]:
    """Logarithms in double precision, of zero that of the smallest float."""
    return np.log(np.maximum(probs.astype(np.float64), np.finfo(np.float64).tiny))


def look_up(data: Data) -> Any:
    """A classifier for scikit-activeml that knows the probabilities already."""
    from skactiveml.base import SkactivemlClassifier

    class LookUp(SkactivemlClassifier):
        def fit(self, _points: Any, _labels: Any) -> LookUp:
            return self

        def predict_proba(self, asked: Any) -> Any:
            return (data.probs if len(asked) == len(data.probs) else data.center_probs).astype(np.float64)

    return LookUp(classes=list(range(data.probs.shape[1])))


def skactiveml(strategy: Any, data: Data, **arguments: Any) -> Any:
    """What a strategy of scikit-activeml asks for, the pool first and the labelled after it."""
    labels = np.r_[np.full(len(data.probs), np.nan), np.zeros(len(data.centers))]
    points = np.vstack([data.embeddings, data.centers])
    return strategy.query(points, labels, batch_size=data.budget, **arguments)


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


def cdal_reference(data: Data) -> list[int]:
    """Every sample against every centre and every choice."""
    probs, logs = data.probs.astype(np.float64), log(data.probs)
    nearest, chosen = np.full(len(probs), np.inf), list[int]()
    for center in data.center_probs.astype(np.float64):
        nearest = np.minimum(nearest, ((probs - center) * (logs - log(center))).sum(axis=1) / 2)
    while len(chosen) < data.budget:
        nearest[chosen] = -1
        chosen.append(int(nearest.argmax()))
        differences = (probs - probs[chosen[-1]]) * (logs - logs[chosen[-1]])
        nearest = np.minimum(nearest, differences.sum(axis=1) / 2)
    return chosen


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


def contrastive_reference(data: Data) -> Any:
    """All distances at once, and the divergence from each neighbour."""
    points, centers = data.embeddings.astype(np.float64), data.centers.astype(np.float64)
    squared = (points**2).sum(axis=1)[:, np.newaxis] + (centers**2).sum(axis=1) - 2 * points @ centers.T
    nearest = data.center_probs.astype(np.float64)[np.argsort(squared, axis=1)[:, :10]]
    divergences = (nearest * (log(nearest) - log(data.probs)[:, np.newaxis])).sum(axis=2)
    return best(divergences.mean(axis=1), data.budget)


def contrastive_peer(data: Data) -> Any:
    """scikit-activeml with as many neighbours."""
    from skactiveml.pool import ContrastiveAL

    strategy = ContrastiveAL(nearest_neighbors_dict={"n_neighbors": 10}, eps=1e-300, random_state=0)
    return skactiveml(strategy, data, clf=look_up(data), fit_clf=False)


def falcun_reference(data: Data) -> list[int]:
    """The paper's equations."""
    probs, unsure = data.probs.astype(np.float64), margin(data.probs)
    generator, distance, chosen = rng(), unsure.copy(), list[int]()
    while len(chosen) < data.budget:
        if chosen:
            distance = np.minimum(distance, np.abs(probs - probs[chosen[-1]]).sum(axis=1))
            distance = (distance - distance.min()) / np.ptp(distance)
        relevance = (unsure + distance) ** GREEDY
        relevance[chosen] = 0
        chosen.append(int(generator.choice(len(probs), p=relevance / relevance.sum())))
    return chosen


def falcun_peer(data: Data) -> Any:
    """scikit-activeml."""
    from skactiveml.pool import Falcun

    return skactiveml(Falcun(gamma=GREEDY, random_state=0), data, clf=look_up(data), fit_clf=False)


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


def discriminative_reference(data: Data) -> list[int]:
    """A new logistic regression on all samples for each turn."""
    from sklearn.linear_model import LogisticRegression

    chosen: list[int] = []
    while len(chosen) < data.budget:
        left = np.setdiff1d(np.arange(len(data.embeddings)), chosen)
        labelled = np.vstack([data.centers, data.embeddings[chosen]])
        classifier = LogisticRegression(class_weight="balanced", max_iter=1000)
        classifier.fit(np.vstack([labelled, data.embeddings[left]]), np.repeat([0, 1], [len(labelled), len(left)]))
        sure = classifier.predict_proba(data.embeddings[left])[:, 1]
        chosen += left[best(sure, data.budget // 10)].tolist()
    return chosen


def discriminative_peer(data: Data) -> Any:
    """scikit-activeml, which fits once for each sample that it chooses."""
    from skactiveml.classifier import SklearnClassifier
    from skactiveml.pool import DiscriminativeAL
    from sklearn.linear_model import LogisticRegression

    regression = LogisticRegression(class_weight="balanced", max_iter=1000)
    strategy = DiscriminativeAL(random_state=0)
    return skactiveml(strategy, data, discriminator=SklearnClassifier(regression, classes=[0, 1]))


def coverage(data: Data, choice: Any) -> float:
    """The mean distance of the pool from what is labelled with the choice: lower is better."""
    from alframe.functional import coverage_radius

    return float(coverage_radius(data.embeddings, np.vstack([data.centers, data.embeddings[choice]])).mean())


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
        name="CDAL, 50,000 of 100 classes, 1,000 centres, 500 picks",
        make=lambda: make(50_000, 32, 100, 1_000, 500),
        contenders={"alframe": lambda d: cdal(d.probs, d.budget, d.center_probs), "reference": cdal_reference},
        warm_up=lambda: make(500, 8, 3, 5, 10),
        targets={
            "at least 10x faster than the plain loop": lambda of: of["reference"].seconds >= 10 * of["alframe"].seconds
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
        targets={
            "at least 10x faster than the authors' loop": lambda of: (
                of["reference"].seconds >= 10 * of["alframe"].seconds
            )
        },
    ),
    Contest(
        name="ALFA-Mix, 50,000 x 512, 10 classes, 100 picks",
        make=lambda: make(50_000, 512, 10, 500, 100),
        contenders={
            "alframe": lambda d: alfa_mix(d.embeddings, d.head, d.budget, anchors(d), rng=rng()),
            "reference": alfa_mix_reference,
        },
        warm_up=lambda: make(500, 8, 3, 30, 10),
        targets={
            "at least 5x faster than literal mixing": lambda of: of["reference"].seconds >= 5 * of["alframe"].seconds
        },
    ),
    Contest(
        name="CAL, 50,000 x 512, 10 classes, 1,000 centres, 10 neighbours, 100 picks",
        make=lambda: make(50_000, 512, 10, 1_000, 100),
        contenders={
            "alframe": lambda d: best(contrastive(d.probs, d.embeddings, d.center_probs, d.centers), d.budget),
            "reference": contrastive_reference,
            "scikit-activeml": contrastive_peer,
        },
        warm_up=lambda: make(500, 8, 3, 30, 10),
        targets={"faster than scikit-activeml": lambda of: of["alframe"].seconds < of["scikit-activeml"].seconds},
    ),
    Contest(
        name="FALCUN, 50,000 of 10 classes, 100 picks",
        make=lambda: make(50_000, 8, 10, 1, 100),
        contenders={
            "alframe": lambda d: falcun(d.probs, d.budget, gamma=GREEDY, rng=rng()),
            "reference": falcun_reference,
            "scikit-activeml": falcun_peer,
        },
        warm_up=lambda: make(500, 8, 3, 1, 10),
        targets={"faster than scikit-activeml": lambda of: of["alframe"].seconds < of["scikit-activeml"].seconds},
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
        targets={
            "at least 10x faster than label by label": lambda of: of["reference"].seconds >= 10 * of["alframe"].seconds
        },
    ),
    Contest(
        name="Discriminative, 10,000 x 128, 50 centres, 50 picks in 10 turns; quality: mean distance left",
        make=lambda: make(10_000, 128, 10, 50, 50),
        contenders={
            "alframe": lambda d: discriminative(d.embeddings, d.budget, d.centers, rng=rng()),
            "reference": discriminative_reference,
            "scikit-activeml": discriminative_peer,
        },
        warm_up=lambda: make(500, 8, 3, 30, 10),
        quality=coverage,
        agree=None,
        targets={
            "at least 10x faster than scikit-activeml": lambda of: (
                of["scikit-activeml"].seconds >= 10 * of["alframe"].seconds
            )
        },
    ),
]
