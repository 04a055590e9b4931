"""BADGE: against other libraries and the loop of its authors at 20,000; its memory at 50,000."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from contest import Contest, faster
from numpy.typing import NDArray

from alframe.functional import badge, badge_factorised
from alframe.functional.hybrid.gradients import Gradients


@dataclass(frozen=True)
class Data:
    """A pool before one linear layer, and how many are to be chosen."""

    probs: NDArray[np.float32]
    embeddings: NDArray[np.float32]
    budget: int


def make(count: int, classes: int, budget: int, width: int = 512) -> Data:
    """Classes that overlap, cut off at zero as a network's last layer cuts them."""
    rng = np.random.default_rng(0)
    means = rng.standard_normal((classes, width), dtype=np.float32)
    embeddings = rng.standard_normal((count, width), dtype=np.float32)
    embeddings += means[rng.integers(classes, size=count)]
    np.maximum(embeddings, 0, out=embeddings)
    logits = embeddings @ means.T * np.float32(8 / width)
    probs = np.exp(logits - logits.max(axis=1, keepdims=True))
    return Data(probs / probs.sum(axis=1, keepdims=True), embeddings, budget)


def rng() -> np.random.Generator:
    """The same for every contender."""
    return np.random.default_rng(0)


def residuals(data: Data) -> NDArray[np.float32]:
    """Probabilities minus the most probable class."""
    rows = data.probs.copy()
    rows[np.arange(len(rows)), data.probs.argmax(axis=1)] -= 1
    return rows


def gradients(data: Data) -> NDArray[np.float32]:
    """The last layer's gradients, (N, C * D)."""
    return np.einsum("nc,nd->ncd", residuals(data), data.embeddings).reshape(len(data.probs), -1)


def reference(data: Data) -> list[int]:
    """k-means++ over gradients that are made."""
    points, draws = gradients(data), rng()
    chosen = [int(np.linalg.norm(points, axis=1).argmax())]
    nearest = np.full(len(points), np.inf)
    while len(chosen) < data.budget:
        np.minimum(nearest, ((points - points[chosen[-1]]) ** 2).sum(axis=1), out=nearest)
        chosen.append(int(draws.choice(len(points), p=nearest / nearest.sum())))
    return chosen


def authors(data: Data) -> list[int]:
    """The steps of the authors' factorised loop: roots of distances, a check of them, SciPy's discrete distribution."""
    from scipy.stats import rv_discrete

    rows, draws = residuals(data), np.random.RandomState(0)
    rows_squared, points_squared = (rows**2).sum(axis=1), (data.embeddings**2).sum(axis=1)
    chosen, nearest = [int((rows_squared * points_squared).argmax())], np.full(len(rows), np.inf)
    while len(chosen) < data.budget:
        last = chosen[-1]
        squared = rows_squared * points_squared + rows_squared[last] * points_squared[last]
        squared = squared - 2 * (rows @ rows[last]) * (data.embeddings @ data.embeddings[last])
        if squared.min() / squared.max() <= -1e-4:
            raise FloatingPointError("the authors' check of rounding")
        nearest = np.minimum(nearest, np.sqrt(np.clip(squared, 0, None)).astype(np.float64))
        nearest[chosen] = 0
        shares = nearest**2 / sum(nearest**2)
        chosen.append(int(rv_discrete(values=(np.arange(len(rows)), shares)).rvs(size=1, random_state=draws)[0]))
    return chosen


def lean(data: Data) -> list[int]:
    """k-means++ by the factors of the gradients, a pass over the pool each draw, and nothing that it can do without."""
    rows, draws = residuals(data), rng()
    squares = (rows**2).sum(axis=1) * (data.embeddings**2).sum(axis=1)
    chosen, nearest = [int(squares.argmax())], np.full(len(rows), np.inf)
    while len(chosen) < data.budget:
        inner = (rows @ rows[chosen[-1]]) * (data.embeddings @ data.embeddings[chosen[-1]])
        np.minimum(nearest, np.maximum(squares + squares[chosen[-1]] - 2 * inner, 0), out=nearest)
        nearest[chosen] = 0
        chosen.append(int(draws.choice(len(rows), p=nearest / nearest.sum())))
    return chosen


def skactiveml(data: Data) -> Any:
    """scikit-activeml, with a classifier that knows the probabilities already."""
    from skactiveml.base import SkactivemlClassifier
    from skactiveml.pool import Badge

    class LookUp(SkactivemlClassifier):
        def fit(self, _points: Any, _labels: Any) -> LookUp:
            return self

        def predict_proba(self, _asked: Any) -> Any:
            return data.probs

    unlabelled = np.full(len(data.probs), np.nan)
    clf = LookUp(classes=list(range(data.probs.shape[1])))
    strategy = Badge(random_state=0)
    return strategy.query(data.embeddings, unlabelled, clf, fit_clf=False, batch_size=data.budget)


def distil(data: Data) -> Any:
    """DISTIL's k-means++ over gradients that are made, without its network; it draws from NumPy's global state."""
    from distil.active_learning_strategies.badge import init_centers

    return init_centers(gradients(data), data.budget, "cpu")


def alframe(data: Data) -> NDArray[np.int64]:
    """Ours."""
    return badge(data.probs, data.embeddings, data.budget, rng=rng())


def factorised(data: Data) -> NDArray[np.int64]:
    """Ours by a pass for each draw, in float64."""
    return badge_factorised(data.probs, data.embeddings, data.budget, rng=rng())


def potential(data: Data, choice: Any) -> float:
    """Mean squared distance from a gradient to the nearest one chosen."""
    every = Gradients(data.probs, data.embeddings)
    return float(every.to_nearest(every.factors(np.asarray(choice))).mean())


PEERS = {"scikit-activeml": skactiveml, "distil": distil, "authors' factorised": authors}

CONTESTS = [
    Contest(
        name="BADGE, 20,000 x 512, 10 classes, 100 picks; quality: mean squared distance left, lower is better",
        make=partial(make, 20_000, 10, 100),
        contenders={
            "alframe": alframe,
            "reference": reference,
            **PEERS,
            "lean factorised loop": lean,
            "alframe, factorised": factorised,
        },
        warm_up=partial(make, 500, 10, 5),
        quality=potential,
        agree=None,
        targets={"at least 10x faster than the fastest peer": faster(10, *PEERS)},
    ),
    Contest(
        name="BADGE, 50,000 x 512, 100 classes, 200 picks; quality: mean squared distance left, lower is better",
        make=partial(make, 50_000, 100, 200),
        contenders={"alframe": alframe, "authors' factorised": authors, "lean factorised loop": lean},
        warm_up=partial(make, 500, 100, 5),
        quality=potential,
        agree=None,
        repeats=3,
        targets={"under 0.2 GiB beside the data": lambda of: of["alframe"].mib < 0.2 * 1024},
    ),
]
