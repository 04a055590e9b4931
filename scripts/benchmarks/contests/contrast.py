"""What differs from all that is known: against its definitions and against scikit-activeml."""

from __future__ import annotations

from typing import Any

import numpy as np
from contest import Contest, faster
from contests._linear import Data, best, log, look_up, make, rng, skactiveml

from alframe.functional import cdal, contrastive, discriminative, falcun, margin

GREEDY = 900.0
"""A gamma of FALCUN that leaves nothing to chance, so that picks can be compared."""


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
        name="CDAL, 50,000 of 100 classes, 1,000 centres, 500 picks",
        make=lambda: make(50_000, 32, 100, 1_000, 500),
        contenders={"alframe": lambda d: cdal(d.probs, d.budget, d.center_probs), "reference": cdal_reference},
        warm_up=lambda: make(500, 8, 3, 5, 10),
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
        targets={"at least 10x faster than scikit-activeml": faster(10, "scikit-activeml")},
    ),
]
